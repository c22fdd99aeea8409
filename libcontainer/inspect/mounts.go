package inspect

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// mounts compares the mounts, and what is masked or read-only.
func (l *look) mounts() error {
	text, err := l.Init.Read("mountinfo")
	if err != nil {
		return err
	}
	list, err := proc.ParseMounts(text)
	if err != nil {
		return err
	}
	root, err := l.Init.OpenRoot()
	if err != nil {
		return err
	}
	defer unix.Close(root)
	for i, m := range l.Spec.Mounts {
		target := path.Clean("/" + m.Destination)
		asked := strings.Join(append([]string{m.Type}, m.Options...), " ")
		field := fmt.Sprintf("mounts[%d]", i)
		at := mountAt(list, target)
		switch {
		case slices.Contains(m.Options, "remount"):
		case slices.ContainsFunc(l.Spec.Mounts[i+1:], func(over specs.Mount) bool { return path.Clean("/"+over.Destination) == target }):
			// Covered by that one.
		case at == nil && present(root, target) == nil && linked(root, target):
			l.add("mount "+target, field, asked, "below a symbolic link", false)
		case at == nil && errors.Is(present(root, target), unix.ENOENT):
			// The container may rename what is above a mount, and have another root.
			l.add("mount "+target, field, asked, "no such path", false)
		case at == nil:
			l.add("mount "+target, field, asked, "none", true)
		default:
			l.add("mount "+target, field, asked, at.Type+" "+strings.ReplaceAll(at.Options, ",", " "), at.Lacks(restrictions(m.Options)) != "")
		}
	}
	l.paths(root, list, "masked", "linux.maskedPaths", l.Spec.Linux.MaskedPaths, func(*proc.Mount) bool { return true })
	l.paths(root, list, "read-only", "linux.readonlyPaths", l.Spec.Linux.ReadonlyPaths,
		func(m *proc.Mount) bool { return m.Lacks(unix.MOUNT_ATTR_RDONLY) == "" })
	if l.Spec.Root != nil {
		if at := mountAt(list, "/"); at != nil {
			asked := "rw"
			if l.Spec.Root.Readonly {
				asked = "ro"
			}
			l.add("root", "root.readonly", asked, at.Type+" "+strings.ReplaceAll(at.Options, ",", " "),
				l.Spec.Root.Readonly && at.Lacks(unix.MOUNT_ATTR_RDONLY) != "")
		}
	}
	return nil
}

// paths compares those that are there, each of which must be a mount of its own with a
// property.
func (l *look) paths(root int, list []proc.Mount, what, field string, paths []string, good func(*proc.Mount) bool) {
	held, absent, later, elsewhere := 0, 0, 0, 0
	for i, p := range paths {
		target := path.Clean("/" + p)
		at := mountAt(list, target)
		switch {
		case at != nil && good(at):
			held++
		case target == "/":
		case present(root, target) != nil: // so nothing was mounted
			absent++
		case linked(root, target):
			elsewhere++
		case l.madeLater(root, target): // it was not there at create
			later++
		default:
			l.add(what+" path", fmt.Sprintf("%s[%d]", field, i), target, "not "+what, true)
		}
	}
	if len(paths) > 0 {
		l.add(what+" paths", field, strconv.Itoa(len(paths)), pathsText(held, absent, later, elsewhere), false)
	}
}

// pathsText says how many paths are mounts, and why others need not be.
func pathsText(held, absent, later, elsewhere int) string {
	text := strconv.Itoa(held) + " in force"
	for _, other := range [...]struct {
		n    int
		what string
	}{{absent, "not present"}, {later, "made later"}, {elsewhere, "below symbolic links"}} {
		if other.n > 0 {
			text += fmt.Sprintf(", %d %s", other.n, other.what)
		}
	}
	return text
}

// madeLater reports whether a file is younger than the container, which then has made it:
// nothing was there that could be covered by a mount. In procfs and sysfs it makes none,
// and times say nothing.
func (l *look) madeLater(root int, name string) bool {
	fd, err := sys.OpenPlain(root, name, unix.O_PATH)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	var st unix.Statx_t
	if retry.Fstatfs(fd, &fs) != nil || fs.Type == unix.PROC_SUPER_MAGIC || fs.Type == unix.SYSFS_MAGIC ||
		unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME|unix.STATX_CTIME, &st) != nil {
		return false
	}
	born := st.Btime
	if st.Mask&unix.STATX_BTIME == 0 {
		born = st.Ctime
	}
	return time.Unix(born.Sec, int64(born.Nsec)).After(l.Created)
}

// mountAt finds the topmost mount at a place: the one that no other is mounted on there.
// Those that were made first need not be listed first.
func mountAt(list []proc.Mount, target string) *proc.Mount {
	below := make(map[int]bool)
	for i := range list {
		if list[i].Point == target {
			below[list[i].Parent] = true
		}
	}
	for i := range list {
		if list[i].Point == target && !below[list[i].ID] {
			return &list[i]
		}
	}
	return nil
}

// present reports why there is nothing at a path below root.
func present(root int, name string) error {
	fd, err := sys.OpenInRoot(root, name, unix.O_PATH)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// linked reports whether a path leads over a symbolic link: then its mount has another
// name.
func linked(root int, name string) bool {
	fd, err := sys.OpenPlain(root, name, unix.O_PATH)
	if err == nil {
		unix.Close(fd)
	}
	return err != nil
}

// restrictions are those that options ask for. The last one of a kind counts, and those
// of the mount itself are apart from the recursive ones.
func restrictions(options []string) (attr uint64) {
	var recursive uint64
	for _, o := range options {
		if set, clear := restriction(o); set|clear != 0 {
			attr = attr&^clear | set
		} else if set, clear := restriction(strings.TrimPrefix(o, "r")); set|clear != 0 {
			recursive = recursive&^clear | set
		}
	}
	return attr | recursive
}

// restriction is what an option sets or clears.
func restriction(option string) (set, clear uint64) {
	switch option {
	case "ro":
		return unix.MOUNT_ATTR_RDONLY, 0
	case "rw":
		return 0, unix.MOUNT_ATTR_RDONLY
	case "nosuid":
		return unix.MOUNT_ATTR_NOSUID, 0
	case "suid":
		return 0, unix.MOUNT_ATTR_NOSUID
	case "nodev":
		return unix.MOUNT_ATTR_NODEV, 0
	case "dev":
		return 0, unix.MOUNT_ATTR_NODEV
	case "noexec":
		return unix.MOUNT_ATTR_NOEXEC, 0
	case "exec":
		return 0, unix.MOUNT_ATTR_NOEXEC
	}
	return 0, 0
}

// sysctls compares kernel parameters, read in the container's namespaces through the
// host's /proc, by a thread that ends with it.
func (l *look) sysctls() error {
	if len(l.Spec.Linux.Sysctl) == 0 {
		return nil
	}
	type answer struct {
		values map[string]string
		err    error
	}
	done := make(chan answer)
	go func() {
		runtime.LockOSThread() // never unlocked
		values := make(map[string]string)
		joined := 0
		for _, kind := range [...]struct {
			file string
			flag int
		}{{"net", unix.CLONE_NEWNET}, {"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}} {
			fd, err := retry.Openat(l.Init.FD(), "ns/"+kind.file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err == nil {
				err = unix.Setns(fd, kind.flag)
				unix.Close(fd)
			}
			if err == unix.EPERM {
				break // an ordinary user, which would have to join the user namespace first
			}
			if err != nil {
				done <- answer{err: fmt.Errorf("join the %s namespace to read linux.sysctl: %w", kind.file, err)}
				return
			}
			joined++
		}
		for key := range l.Spec.Linux.Sysctl {
			if joined < 3 {
				break
			}
			if text, err := sys.ReadFile("/proc/sys/"+plan.SysctlPath(key), 4096); err == nil {
				values[key] = strings.Join(strings.Fields(string(text)), " ")
			}
		}
		done <- answer{values: values}
	}()
	got := <-done
	if got.err != nil {
		return got.err
	}
	for _, key := range slices.Sorted(maps.Keys(l.Spec.Linux.Sysctl)) {
		is, ok := got.values[key]
		if !ok {
			is = "cannot be read by this user"
		}
		asked := strings.Join(strings.Fields(l.Spec.Linux.Sysctl[key]), " ")
		l.add("sysctl "+key, "linux.sysctl."+key, asked, is, ok && is != asked && is != l.mapped(key, asked))
	}
	return nil
}

// mapped is the value of a parameter as the host's root reads it: that of group ids is
// given in those of the container.
func (l *look) mapped(key, value string) string {
	if plan.SwapSeparators(plan.SysctlPath(key)) != "net.ipv4.ping_group_range" {
		return value
	}
	words := strings.Fields(value)
	for i, word := range words {
		if id, err := strconv.ParseUint(word, 10, 32); err == nil {
			words[i] = strconv.Itoa(proc.HostID(l.Spec.Linux.GIDMappings, uint32(id)))
		}
	}
	return strings.Join(words, " ")
}
