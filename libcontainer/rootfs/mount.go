package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// MountFS makes a filesystem and attaches it.
func (b *Builder) MountFS(s *plan.MountFS) error {
	target, existed, err := b.target(s.Target, true, s.Options.NoFollow)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	mode := noMode
	if s.Type == "tmpfs" && existed && !hasParam(s.Params, "mode") {
		if mode, err = modeOf(target); err != nil {
			return err
		}
	}
	mount, err := b.filesystem(s, mode)
	if err != nil {
		return b.fallBack(s, target, err)
	}
	defer unix.Close(mount)
	if s.CopyUp {
		if err := copyUp(target, mount, s.Params); err != nil {
			return err
		}
	}
	if err := b.attach(mount, target, s.Target); err != nil {
		if kindErr := sameKind(target, true); kindErr != nil {
			return kindErr
		}
		return err
	}
	// A remount may come when its path leads elsewhere.
	if s.Keep {
		if err := keep(&b.kept, s.Target, mount); err != nil {
			return err
		}
	}
	return apply(mount, &s.Options)
}

// noMode leaves the mode of a new tmpfs to the kernel.
const noMode = ^uint32(0)

// filesystem makes the filesystem, or takes the one that the parent has made.
// It starts with nothing set.
func (b *Builder) filesystem(s *plan.MountFS, mode uint32) (int, error) {
	if !s.Made {
		params := s.Params
		if mode != noMode {
			params = append(params[:len(params):len(params)], "mode="+strconv.FormatUint(uint64(mode), 8))
		}
		return sys.NewFilesystem(s.Type, s.Source, params, s.Options.Attr.Set)
	}
	mount, err := b.tree(s.Fallback)
	if err != nil {
		return -1, err
	}
	if mode != noMode {
		err = os.NewSyscallError("chmod", unix.Fchmodat(mount, ".", mode, 0))
	}
	if err == nil {
		err = setOwnAttr(mount, s.Options.Attr)
	}
	if err != nil {
		unix.Close(mount)
		return -1, err
	}
	return mount, nil
}

// fallBack attaches the host's tree where the kernel refuses a new instance:
// sysfs and cgroup2 in a user namespace without the namespace they show. What
// must not be seen at all is masked.
func (b *Builder) fallBack(s *plan.MountFS, target int, cause error) error {
	if !errors.Is(cause, unix.EPERM) && !errors.Is(cause, unix.EBUSY) {
		return cause
	}
	tree, err := b.tree(s.Fallback)
	if err != nil && s.Mask {
		return b.maskDir(target, s.Target)
	}
	if err != nil {
		return cause
	}
	defer unix.Close(tree)
	// The host's instance: whatever is asked, it is read-only, with all that is
	// mounted on it. What is asked for besides holds for all of it, too.
	const least = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	attr := least | s.Options.Attr.Set&unix.MOUNT_ATTR_NOSYMFOLLOW
	if err := sys.RestrictMount(tree, attr, unix.MS_SLAVE, true); err != nil {
		return err
	}
	if err := apply(tree, &plan.MountOptions{Propagation: s.Options.Propagation}); err != nil {
		return err
	}
	return b.attach(tree, target, s.Target)
}

func hasParam(params []string, key string) bool {
	for _, p := range params {
		if k, _, _ := strings.Cut(p, "="); k == key {
			return true
		}
	}
	return false
}

func modeOf(fd int) (uint32, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return st.Mode & 0o7777, nil
}

// Bind attaches a tree of the host.
func (b *Builder) Bind(s *plan.Bind) error {
	tree, err := b.tree(s.Slot)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if s.CopyLink && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return b.copyLink(tree, s.Target)
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if err := checkSource(s, tree); err != nil {
		return err
	}
	target, _, err := b.target(s.Target, isDir, s.Options.NoFollow)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if err := sameKind(target, isDir); err != nil {
		return err
	}
	if err := setAttr(tree, &s.Options); err != nil {
		return err
	}
	if err := apply(tree, &s.Options); err != nil {
		return err
	}
	return b.attach(tree, target, s.Target)
}

// copyLink makes the symbolic link that a tree is once more, at a path of the
// container. Where it leads is the container's business: nothing follows it
// here. The same link may be there already, from an earlier start.
func (b *Builder) copyLink(tree int, path string) error {
	text, err := readLink(tree, "")
	if err != nil {
		return err
	}
	dir, name, err := b.parent(path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	err = unix.Symlinkat(text, dir, name)
	if err != unix.EEXIST {
		return os.NewSyscallError("symlink", err)
	}
	switch there, err := readLink(dir, name); {
	case err != nil:
		return fmt.Errorf("something that is no symbolic link is there: %w", unix.EEXIST)
	case there != text:
		return fmt.Errorf("a symbolic link to %q is there, want one to %q: %w", there, text, unix.EEXIST)
	}
	return nil
}

func readLink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", os.NewSyscallError("readlink", err)
	}
	return string(buf[:n]), nil
}

// sameKind: a directory goes on a directory, anything else on no directory. The
// kernel would only say that an argument is invalid. ENOTDIR is mount(2)'s answer to
// both: Docker adds its advice to these words, and takes those of EISDIR for execve's.
func sameKind(target int, isDir bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(target, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	switch targetIsDir := st.Mode&unix.S_IFMT == unix.S_IFDIR; {
	case isDir && !targetIsDir:
		return fmt.Errorf("a directory can't be mounted on a %s: %w", sys.FileType(st.Mode), unix.ENOTDIR)
	case !isDir && targetIsDir:
		return fmt.Errorf("a file can't be mounted on a directory: %w", unix.ENOTDIR)
	}
	return nil
}

// checkSource: what is bound on /proc must be a procfs, and on /dev/null the
// device, for what is written there.
func checkSource(s *plan.Bind, tree int) error {
	switch strings.TrimRight(s.Target, "/") {
	case "/proc":
		if err := sys.IsProc(tree); err != nil {
			return fmt.Errorf("only a procfs may be mounted on /proc: %q is %w", s.Source, err)
		}
	case "/dev/null":
		if err := sys.CheckDevice(tree, unix.S_IFCHR, 1, 3); err != nil {
			return fmt.Errorf("only the device 1:3 may be mounted on /dev/null: %q is %w", s.Source, err)
		}
	}
	return nil
}

// Remount changes attributes of a mount that is there.
func (b *Builder) Remount(s *plan.Remount) error {
	fd, ok := b.kept[s.Target]
	if !ok {
		var err error
		if fd, err = b.openTarget(s.Target, s.Options.NoFollow); err != nil {
			return err
		}
		defer unix.Close(fd)
	}
	if len(s.Params) > 0 {
		if err := sys.Reconfigure(fd, s.Params); err != nil {
			return err
		}
	}
	if err := setAttr(fd, &s.Options); err != nil {
		return err
	}
	return apply(fd, &s.Options)
}
