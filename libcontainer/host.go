package libcontainer

import (
	"bytes"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/caps"
	"github.com/crun-go/crun-go/libcontainer/nofile"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
)

// host gathers the facts a plan needs. What costs a system call is asked only
// if the config makes it matter.
func host(spec *specs.Spec) (specconv.Host, error) {
	permitted, err := caps.Permitted()
	if err != nil {
		return specconv.Host{}, err
	}
	h := specconv.Host{
		EUID:    os.Geteuid(),
		UserNS:  inUserNamespace(),
		LastCap: caps.Last(),
		Caps:    permitted,
		Kcore:   exists("/proc/kcore"),

		NoFileSoft: nofile.Soft,
		NoFileHard: nofile.Hard,
	}
	if h.UserNS {
		deny, err := sys.ReadFile("/proc/self/setgroups", 64)
		h.SetgroupsDenied = err == nil && bytes.HasPrefix(deny, []byte("deny"))
	}
	if p := spec.Process; p != nil {
		h.AppArmor = p.ApparmorProfile != "" && appArmorEnabled()
		labels := p.SelinuxLabel != "" || spec.Linux != nil && spec.Linux.MountLabel != ""
		h.SELinux = labels && exists("/sys/fs/selinux/enforce")
	}
	return h, nil
}

// inUserNamespace compares the id map with that of the initial user namespace,
// which maps everything to itself.
func inUserNamespace() bool {
	data, err := sys.ReadFile("/proc/self/uid_map", 64<<10)
	if err != nil {
		return false // no user namespaces in this kernel
	}
	fields := bytes.Fields(data)
	return len(fields) != 3 || string(fields[0]) != "0" || string(fields[1]) != "0" || string(fields[2]) != "4294967295"
}

func appArmorEnabled() bool {
	data, err := sys.ReadFile("/sys/module/apparmor/parameters/enabled", 16)
	return err == nil && bytes.HasPrefix(data, []byte("Y"))
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }
