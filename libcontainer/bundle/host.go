package bundle

import (
	"bytes"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/caps"
	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
)

// HostFacts gathers the facts a plan needs. What costs a system call is asked only
// if the config makes it matter.
func HostFacts(spec *specs.Spec) (specconv.Host, error) {
	permitted, err := caps.Permitted()
	if err != nil {
		return specconv.Host{}, err
	}
	last, err := caps.Last()
	if err != nil {
		return specconv.Host{}, err
	}
	h := specconv.Host{
		EUID:    os.Geteuid(),
		UserNS:  sys.InUserNamespace(),
		LastCap: last,
		Caps:    permitted,
		Kcore:   sys.Exists("/proc/kcore"),

		NoFileSoft: rtstart.Soft,
		NoFileHard: rtstart.Hard,
	}
	if h.UserNS {
		deny, err := sys.ReadFile("/proc/self/setgroups", 64)
		h.SetgroupsDenied = err == nil && bytes.HasPrefix(deny, []byte("deny"))
	}
	if p := spec.Process; p != nil {
		h.AppArmor = p.ApparmorProfile != "" && appArmorEnabled()
		h.StackProfiles = h.AppArmor && (p.NoNewPrivileges || noNewPrivs()) && confined()
		labels := p.SelinuxLabel != "" || spec.Linux != nil && spec.Linux.MountLabel != ""
		h.SELinux = labels && sys.Exists("/sys/fs/selinux/enforce")
	}
	h.PIDLast = joinedLast(spec)
	h.RootNamespace = h.EUID == 0 && !h.UserNS && ownMountsOnly(spec) && sys.HasTreeNamespace()
	return h, nil
}

// ownMountsOnly reports whether a container has a new mount namespace and no user
// namespace, and so may have one that never holds the host's mounts.
func ownMountsOnly(spec *specs.Spec) bool {
	return spec.Linux != nil && slices.Contains(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.MountNamespace}) &&
		!slices.ContainsFunc(spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.UserNamespace })
}

func appArmorEnabled() bool {
	data, err := sys.ReadFile("/sys/module/apparmor/parameters/enabled", 16)
	return err == nil && bytes.HasPrefix(data, []byte("Y"))
}

// noNewPrivs reports whether this process has no_new_privs, and so all its
// children (prctl(2)).
func noNewPrivs() bool {
	on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return err == nil && on == 1
}

// confined reports whether AppArmor confines this process. Its label is "unconfined",
// or one or more profiles with their mode in parentheses.
func confined() bool {
	label, err := sys.ReadFile("/proc/self/attr/apparmor/current", 4096)
	if err != nil { // Linux before 5.8
		label, err = sys.ReadFile("/proc/self/attr/current", 4096)
	}
	return err == nil && isConfinement(label)
}

func isConfinement(label []byte) bool {
	label = bytes.TrimRight(label, "\x00\n")
	return !bytes.Equal(label, []byte("unconfined")) && !bytes.HasSuffix(label, []byte(" (unconfined)"))
}

// joinedLast reports whether the pid namespace that a configuration has a path of can be
// joined last. The step that joins it reports why it cannot be opened.
func joinedLast(spec *specs.Spec) bool {
	if spec.Linux == nil {
		return false
	}
	pid, user := -1, false
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type == specs.PIDNamespace && ns.Path != "" {
			fd, err := sys.OpenNamespace(ns.Path)
			if err != nil {
				return false
			}
			defer unix.Close(fd)
			pid = fd
		}
		user = user || ns.Type == specs.UserNamespace
	}
	return pid >= 0 && (!user || ownedByJoined(spec, pid)) && sys.ShowsPID(pid)
}

// ownedByJoined: init, in the container's user namespace by then, has no right to join a
// pid namespace that is another's.
func ownedByJoined(spec *specs.Spec, pid int) bool {
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type != specs.UserNamespace || ns.Path == "" {
			continue
		}
		user, err := sys.OpenNamespace(ns.Path)
		if err != nil {
			return false
		}
		defer unix.Close(user)
		return sys.Owns(user, pid)
	}
	return false
}

// cgroupParent is where a runtime without root's privileges makes the cgroups
// of containers that ask for no absolute path: beside its own, where processes
// of no container keep the cgroup above from having controllers, or below it.
// "" if it may do neither.
func cgroupParent(h cgroups.Hierarchy) string {
	own, err := cgroups.Own(0)
	if err != nil {
		return ""
	}
	return besideOrBelow(own, func(dir string) bool { return mayHold(h.Path + dir) })
}

func besideOrBelow(own string, mayHold func(dir string) bool) string {
	if own == "/.." || strings.HasPrefix(own, "/../") {
		return "" // outside of what this cgroup namespace shows
	}
	for _, dir := range [...]string{path.Dir(own), own} {
		if mayHold(dir) {
			return dir
		}
	}
	return ""
}

// mayHold reports whether the caller can make cgroups in a directory, and put
// processes of its own there into them: for that the kernel looks at the cgroup
// above both (cgroup-v2.rst, "Delegation Containment").
func mayHold(dir string) bool {
	return unix.Access(dir, unix.W_OK) == nil && unix.Access(dir+"/cgroup.procs", unix.W_OK) == nil
}
