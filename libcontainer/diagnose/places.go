package diagnose

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// places finds what of a root filesystem is in the way of the working directory and of
// mounts. What an earlier mount may have brought is not known.
func places(root int, spec *specs.Spec) []Finding {
	var found []Finding
	if cwd := path.Clean(spec.Process.Cwd); !under(spec.Mounts, cwd) {
		mode, err := modeAt(root, cwd)
		if errors.Is(err, unix.ENOTDIR) || err == nil && mode&unix.S_IFMT != unix.S_IFDIR {
			found = append(found, field(Error, "process.cwd", fmt.Sprintf("%q is not a directory in the root filesystem", cwd), "name a directory"))
		}
		if err == nil { // root changes to it, before the process is its user's
			found = append(found, closed(root, spec, Warning, "process.cwd", cwd+"/.")...)
		}
	}
	for i, m := range spec.Mounts {
		target := path.Clean("/" + m.Destination)
		if under(spec.Mounts[:i], target) {
			continue
		}
		name := fmt.Sprintf("mounts[%d].destination", i)
		mode, err := modeAt(root, target)
		switch directory, known := mountsDirectory(&m); {
		case errors.Is(err, unix.ENOTDIR):
			found = append(found, field(Error, name, fmt.Sprintf("%q is below a file of the root filesystem", target), "name another place"))
		case err != nil || !known:
		case directory && mode&unix.S_IFMT != unix.S_IFDIR:
			found = append(found, field(Error, name, fmt.Sprintf("%q is a %s in the root filesystem, and a directory is to be mounted there", target, sys.FileType(mode)), ""))
		case !directory && mode&unix.S_IFMT == unix.S_IFDIR:
			found = append(found, field(Error, name, fmt.Sprintf("%q is a directory in the root filesystem, and a file is to be mounted there", target), ""))
		}
	}
	return found
}

// closed finds the first directory on the way to a path below root that the process's user
// cannot search, by its mode.
func closed(root int, spec *specs.Spec, s Severity, name, to string) []Finding {
	p := spec.Process
	if c := p.Capabilities; c != nil && (slices.Contains(c.Effective, "CAP_DAC_OVERRIDE") || slices.Contains(c.Effective, "CAP_DAC_READ_SEARCH")) {
		return nil
	}
	var uids, gids []specs.LinuxIDMapping
	if spec.Linux != nil {
		uids, gids = spec.Linux.UIDMappings, spec.Linux.GIDMappings
	}
	for i, c := range to {
		if c != '/' {
			continue
		}
		dir := to[:max(i, 1)]
		fd, err := sys.OpenInRoot(root, dir, unix.O_PATH)
		if err != nil {
			return nil
		}
		var st unix.Stat_t
		err = unix.Fstat(fd, &st)
		_, noACL := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "system.posix_acl_access", nil)
		unix.Close(fd)
		bit := uint32(0o001)
		switch {
		case err != nil || noACL == nil:
			return nil
		case hostID(uids, p.User.UID) == int(st.Uid):
			bit = 0o100
		case slices.ContainsFunc(append([]uint32{p.User.GID}, p.User.AdditionalGids...), func(gid uint32) bool { return hostID(gids, gid) == int(st.Gid) }):
			bit = 0o010
		}
		if st.Mode&bit == 0 {
			return []Finding{field(s, name, fmt.Sprintf("user %d cannot search %q, whose mode is %04o, on the way to %q", p.User.UID, dir, st.Mode&0o7777, path.Clean(to)),
				"chmod o+x the directory, or run as its owner")}
		}
	}
	return nil
}

// hostID is the id of the host that is one in the container.
func hostID(maps []specs.LinuxIDMapping, id uint32) int {
	if len(maps) == 0 {
		return int(id)
	}
	return proc.HostID(maps, id)
}

// under reports whether a path is at or below one where something is mounted.
func under(mounts []specs.Mount, name string) bool {
	return slices.ContainsFunc(mounts, func(m specs.Mount) bool {
		target := path.Clean("/" + m.Destination)
		return target == "/" || name == target || strings.HasPrefix(name, target+"/")
	})
}

// modeAt looks at a path below root.
func modeAt(root int, name string) (uint32, error) {
	fd, err := sys.OpenInRoot(root, name, unix.O_PATH)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return st.Mode, err
}

// mountsDirectory reports whether it is a directory that is mounted. It is not known of
// a source that is not there, is a link, or is relative.
func mountsDirectory(m *specs.Mount) (directory, known bool) {
	if slices.Contains(m.Options, "remount") {
		return false, false
	}
	if m.Type != "bind" && !slices.Contains(m.Options, "bind") && !slices.Contains(m.Options, "rbind") {
		return true, true
	}
	var st unix.Stat_t
	if !path.IsAbs(m.Source) || unix.Lstat(m.Source, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return false, false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, true
}

// sysctls finds parameters that this kernel does not have. Those of an interface are the
// container's.
func sysctls(spec *specs.Spec) []Finding {
	var found []Finding
	for _, key := range slices.Sorted(maps.Keys(spec.Linux.Sysctl)) {
		file := plan.SysctlPath(key)
		if strings.Contains(file, "/conf/") || strings.Contains(file, "/neigh/") {
			continue
		}
		if unix.Access("/proc/sys/"+file, unix.F_OK) == unix.ENOENT {
			found = append(found, field(Error, "linux.sysctl."+key, "this kernel has no such parameter", "load the module that has it, or leave it out"))
		}
	}
	return found
}
