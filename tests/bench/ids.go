package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// mapIDs gives a container a user namespace, and its files to the root in there.
// An ordinary user has no cgroup, and no other ids.
func mapIDs(dir string, spec *specs.Spec, s shape) error {
	ids := []specs.LinuxIDMapping{{HostID: s.ids, Size: 65536}}
	if s.rootless {
		ids[0].Size = 1
		spec.Linux.CgroupsPath, spec.Linux.Resources = "", nil
		spec.Process.User.AdditionalGids = nil
		for i := range spec.Mounts {
			m := &spec.Mounts[i]
			m.Options = slices.DeleteFunc(m.Options, func(o string) bool { return strings.HasPrefix(o, "gid=") })
		}
	}
	delete(spec.Linux.Sysctl, "net.ipv4.ping_group_range") // takes all groups
	spec.Linux.UIDMappings, spec.Linux.GIDMappings = ids, ids
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(s.ids), int(s.ids))
	})
}
