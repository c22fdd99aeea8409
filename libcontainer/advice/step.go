package advice

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/spell"
)

// step is for a step that failed.
func step(err error) string {
	var e *plan.StepError
	if !errors.As(err, &e) {
		return ""
	}
	var f *fault.Fault
	if errors.As(e.Err, &f) && f.Refused {
		return refusedHint(e, f)
	}
	if s, ok := e.Item.Step.(*plan.FindExecutable); ok {
		return findHint(e.Root, s)
	}
	return stepHint(e.Item.Field, e.Item.Step, e.Err)
}

// stepHint is for a step that the kernel has refused, where its answer alone
// misleads; mostly nothing.
func stepHint(field string, step plan.Step, err error) string {
	switch s := step.(type) {
	case *plan.CreateCgroup:
		return cgroupHint(field, err)
	case *plan.Spawn:
		return spawnHint(s, err)
	case *plan.LockTrees: // which makes a user namespace
		return spawnHint(&plan.Spawn{New: []specs.LinuxNamespaceType{specs.UserNamespace}}, err)
	case *plan.LoopbackUp:
		if errors.Is(err, unix.EPERM) {
			return "a new network namespace requires CAP_NET_ADMIN, too, which the runtime does not have"
		}
	case *plan.MountFS:
		return cmp.Or(mountHint(s.Type, err), manyMountsHint(err), readonlyHint(err))
	case *plan.OpenInRoot:
		return cmp.Or(inRootHint(s, err), manyMountsHint(err))
	case *plan.Bind:
		return cmp.Or(manyMountsHint(err), readonlyHint(err))
	case *plan.MaskPath, *plan.ReadonlyPath, *plan.AttachRoot, *plan.PivotRoot:
		return manyMountsHint(err)
	case *plan.MakeDevice:
		if s.NodeOnly && errors.Is(err, unix.EPERM) {
			return "what confines the runtime lets it make no node, and the host's is not bound here: put one into the root filesystem, " +
				"or bind the host's in mounts, which takes {\"type\": \"mount\"} in linux.namespaces"
		}
		return cmp.Or(manyMountsHint(err), deviceHint(err))
	case *plan.Console:
		if fault.KindOf(err) == fault.NoDevpts {
			return `add {"destination": "/dev/pts", "type": "devpts", "source": "devpts"} to mounts, or set process.terminal to false`
		}
	case *plan.RaiseRlimits:
		return rlimitHint(s, err)
	case *plan.OpenTree:
		return cmp.Or(linkHint(err), mappedHint(s.IDMap, err), manyMountsHint(err))
	case *plan.MakeMountPoint:
		return readonlyHint(err)
	case *plan.StageMount:
		return mappedHint(s.IDMap, err)
	case *plan.MapTree:
		return mappedHint(&s.IDMap, err)
	case *plan.FindLayers:
		return layerHint(err)
	case *plan.MakeTree:
		return cmp.Or(layerHint(err), mappedHint(s.IDMap, err), mountHint(s.Type, err))
	case *plan.JoinKeyring:
		return keyringHint(s, err)
	case *plan.SetIdentity:
		if errors.Is(err, unix.EINVAL) {
			return "uid, gid and additionalGids must be mapped in the container's user namespace: its /proc/PID/uid_map and gid_map show which are"
		}
	case *plan.Sysctl:
		return sysctlHint(s, err)
	case *plan.SetLabels:
		return labelHint(s, err)
	case *plan.LoadSeccomp:
		if s.Notify && errors.Is(err, unix.EBUSY) {
			return "the kernel has one seccomp listener for all filters of a process, and another runtime or agent has that of a filter which the runtime is under"
		}
	}
	return ""
}

func keyringHint(s *plan.JoinKeyring, err error) string {
	if errors.Is(err, unix.EDQUOT) {
		return "each container has a keyring, and the user's quota of keys is used up: raise the sysctl kernel.keys.maxkeys, or make the container with --no-new-keyring"
	}
	if s.Label == "" && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)) {
		return "what confines the runtime, such as a seccomp filter, lets it make no keyring: make the container with --no-new-keyring"
	}
	return labelHint(&plan.SetLabels{SELinux: s.Label}, err)
}

func sysctlHint(s *plan.Sysctl, err error) string {
	if errors.Is(err, unix.EINVAL) && s.Key == "net.ipv4.ping_group_range" {
		return "it needs two group ids, both of which linux.gidMappings must map in a user namespace"
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return "what confines the runtime, such as an outer container's AppArmor profile, lets it write to no procfs that is mounted nowhere, " +
			"nor to /proc; or the container's user namespace does not own the namespace that the parameter belongs to"
	}
	return ""
}

// manyMountsHint: a mount namespace that is full says that no space is left.
func manyMountsHint(err error) string {
	if errors.Is(err, unix.ENOSPC) {
		return "the mount namespace has as many mounts as the sysctl fs.mount-max allows"
	}
	return ""
}

// inRootHint: init opens what is in the root filesystem with the rights, and the
// view, of the container's root.
func inRootHint(s *plan.OpenInRoot, err error) string {
	switch {
	case errors.Is(err, unix.ELOOP):
		return "it is in the root filesystem, whose symbolic links are followed inside of it, and those of a procfs not at all"
	case errors.Is(err, unix.EXDEV):
		return "a symbolic link of the root filesystem leads to another mount, or to the root itself: name the place without links"
	case errors.Is(err, unix.EACCES):
		return "it is in the root filesystem, and a directory on its way is closed to the container's root: give it to one that linux.uidMappings maps"
	case errors.Is(err, unix.EINVAL) && !s.Recursive:
		return "mounts of the host's are below it, which must not be bared in a user namespace: use rbind"
	}
	return ""
}

// layerHint: so is the path of an overlay's layer.
func layerHint(err error) string {
	var link *sources.ImageLinkError
	if !errors.As(err, &link) {
		return ""
	}
	return "name the layer without symbolic links of the root filesystem"
}

// linkHint: a path of the host is followed through no symbolic link of an image's.
func linkHint(err error) string {
	var link *sources.ImageLinkError
	if !errors.As(err, &link) {
		return ""
	}
	return "name the place below root.path, as config.json has that: there links are followed inside the container; " +
		"or name it without symbolic links"
}

// deviceHint: what stands where a device belongs came with the root filesystem or
// a mount, and is not taken for it.
func deviceHint(err error) string {
	if fault.KindOf(err) == fault.Occupied {
		return "remove it from the root filesystem, or mount a tmpfs on /dev"
	}
	return ""
}

// rlimitHint distinguishes a limit on open files that no process can have from one that requires a
// privilege.
func rlimitHint(s *plan.RaiseRlimits, err error) string {
	if !errors.Is(err, unix.EPERM) {
		return ""
	}
	text, readErr := sys.ReadFile("/proc/sys/fs/nr_open", 32)
	most, parseErr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	for _, l := range s.Limits {
		if readErr == nil && parseErr == nil && l.Resource == unix.RLIMIT_NOFILE && l.Hard > most {
			return fmt.Sprintf("the sysctl fs.nr_open allows %d at most: lower the limit, or raise that", most)
		}
	}
	return "a hard limit above the caller's own requires CAP_SYS_RESOURCE, which the runtime does not have"
}

func spawnHint(s *plan.Spawn, err error) string {
	user := slices.Contains(s.New, specs.UserNamespace)
	if failedCall(err) != "clone3" {
		return ""
	}
	switch {
	case errors.Is(err, unix.ENOSPC) && user:
		return "the limit or the nesting depth of user namespaces is reached: see the sysctl user.max_user_namespaces"
	case errors.Is(err, unix.ENOSPC):
		return "there may be no more namespaces of a kind, see the sysctls user.max_*_namespaces, or too many mounts to copy, see fs.mount-max"
	case errors.Is(err, unix.ENOMEM) && joinsPID(s):
		return "the init of that pid namespace has ended: no process can be made in it any more"
	case errors.Is(err, unix.EACCES):
		return "a security module such as AppArmor lets the runtime make no such process: the kernel's log says by which profile"
	case errors.Is(err, unix.EPERM) && user:
		return "this user may make no user namespace: " + userNamespaceSysctls
	case errors.Is(err, unix.EPERM):
		return "new namespaces take CAP_SYS_ADMIN, which the runtime does not have: give it to the outer container, or have a user namespace made with them"
	}
	return ""
}

// joinsPID reports whether a pid namespace is given by path.
func joinsPID(s *plan.Spawn) bool {
	return slices.ContainsFunc(s.Join, func(n plan.Namespace) bool { return n.Type == specs.PIDNamespace })
}

func mappedHint(m *plan.IDMap, err error) string {
	if m == nil || !errors.Is(err, unix.EPERM) {
		return ""
	}
	return "the ids of a mount can be mapped only by root of the user namespace in which its filesystem was mounted: not by an ordinary user, " +
		"and not in a user namespace (mount_setattr(2))"
}

// readonlyHint: a mount point that is missing would have to be made in what is
// mounted there by then.
func readonlyHint(err error) string {
	if !errors.Is(err, unix.EROFS) {
		return ""
	}
	return "the mount point is missing, and cannot be made in a read-only mount: make it in the source of that mount, or, if that is the root, below root.path"
}

// Filesystem asks which type of mount was meant by one that the kernel does not have.
func Filesystem(fstype string) string {
	return spell.Hint(fstype, []string{"bind", "cgroup", "cgroup2", "devpts", "mqueue", "overlay", "proc", "ramfs", "sysfs", "tmpfs"})
}

// mountHint: in a user namespace EPERM has two causes. Filesystems that show a
// namespace can be mounted by its owner only. And an instance of procfs or sysfs can be
// made, but not mounted (fsmount(2): "mount too revealing"), by a process that sees none on
// which nothing is hidden or read-only (mount_namespaces(7)).
func mountHint(fstype string, err error) string {
	if errors.Is(err, unix.ENODEV) && slices.Contains(specconv.MountOptions(), fstype) {
		return fmt.Sprintf("%q is an option, not a type: move it from type to options", fstype)
	}
	if errors.Is(err, unix.ENODEV) {
		if hint := Filesystem(fstype); hint != "" {
			return hint + " /proc/filesystems lists the filesystems of this kernel"
		}
		return fmt.Sprintf("this kernel has no filesystem %q, or its module is not loaded: /proc/filesystems lists those it has", fstype)
	}
	if !errors.Is(err, unix.EPERM) {
		return ""
	}
	if failedCall(err) == "fsopen" { // before it is asked what, and for which namespace
		return "mounts take CAP_SYS_ADMIN, which the runtime does not have, or what confines it, such as the seccomp filter of an outer container, lets it make none"
	}
	if failedCall(err) == "fsmount" && (fstype == "proc" || fstype == "sysfs") {
		return "a user namespace cannot mount " + fstype + " while parts of the one that the runtime sees are masked or read-only, as in most containers: " +
			"run the outer one without masked paths (docker: --security-opt systempaths=unconfined, podman: --security-opt unmask=ALL)"
	}
	const hint = "in a user namespace, %s requires a %s namespace of the container's own: add {\"type\": %q} to linux.namespaces, or bind the host's"
	switch fstype {
	case "proc":
		return fmt.Sprintf(hint, fstype, "pid", "pid")
	case "mqueue":
		return fmt.Sprintf(hint, fstype, "ipc", "ipc")
	case "sysfs":
		return fmt.Sprintf(hint, fstype, "network", "network")
	}
	return ""
}

func labelHint(s *plan.SetLabels, err error) string {
	switch {
	case s.SELinux != "" && errors.Is(err, unix.EINVAL):
		return "the SELinux policy that is loaded knows no such label"
	case s.SELinux != "" && errors.Is(err, unix.EACCES):
		return "the SELinux policy that is loaded does not let the runtime set that label"
	case s.AppArmor == "":
		return ""
	case errors.Is(err, unix.ENOENT):
		return "load the profile with apparmor_parser; aa-status lists those that are loaded"
	case errors.Is(err, unix.EACCES) && s.Stack:
		return "AppArmor confines the runtime itself: its profile needs the rule \"change_profile -> &" + s.AppArmor + ",\""
	case errors.Is(err, unix.EACCES):
		return "AppArmor confines the runtime itself: its profile needs the rule \"change_profile -> " + s.AppArmor + ",\""
	}
	return ""
}
