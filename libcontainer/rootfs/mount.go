package rootfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// MountFS makes a filesystem and attaches it.
func (b *Builder) MountFS(s *plan.MountFS) error {
	target, existed, err := b.target(s.Target, true, s.Options.NoFollow)
	if err != nil {
		return err
	}
	err = b.mountOn(target, existed, s)
	raw.Close(target)
	return err
}

func (b *Builder) mountOn(target int, existed bool, s *plan.MountFS) error {
	mode := noMode
	if s.Type == "tmpfs" && existed && !hasParam(s.Params, "mode") {
		var err error
		if mode, err = modeOf(target); err != nil {
			return err
		}
		mode &= 0o7777
	}
	mount, err := b.filesystem(s, mode)
	if err != nil {
		return b.fallBack(s, target, err)
	}
	err = b.attachNew(mount, target, s)
	raw.Close(mount)
	return err
}

func (b *Builder) attachNew(mount, target int, s *plan.MountFS) error {
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
	if s.Keep > len(b.kept) {
		return fault.New(unix.E2BIG, "more than %d filesystems to be remounted").Num(maxKept)
	}
	if s.Keep > 0 {
		if err := keepMount(&b.kept[s.Keep-1], mount); err != nil {
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
		var more raw.Text
		if mode != noMode {
			more.Add("mode=").AddOctal(mode)
		}
		return sys.NewFilesystemWith(s.Type, s.Source, s.Params, more.String(), s.Options.Attr.Set)
	}
	mount, err := b.tree(s.Fallback)
	if err != nil {
		return -1, err
	}
	if mode != noMode {
		err = fault.Call("chmod", raw.Chmod(mount, ".", mode))
	}
	if err == nil {
		err = setOwnAttr(mount, s.Options.Attr)
	}
	if err != nil {
		raw.Close(mount)
		return -1, err
	}
	return mount, nil
}

// fallBack attaches the host's tree where the kernel refuses a new instance:
// sysfs and cgroup2 in a user namespace without the namespace they show. What
// must not be seen at all is masked.
func (b *Builder) fallBack(s *plan.MountFS, target int, cause error) error {
	if !fault.Is(cause, unix.EPERM) && !fault.Is(cause, unix.EBUSY) {
		return cause
	}
	tree, err := b.tree(s.Fallback)
	if err != nil && s.Mask {
		return b.maskDir(target, s.Target)
	}
	if err != nil {
		return cause
	}
	// The host's instance: whatever is asked, it is read-only, with all that is
	// mounted on it. What is asked for besides holds for all of it, too.
	const least = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	attr := least | s.Options.Attr.Set&unix.MOUNT_ATTR_NOSYMFOLLOW
	err = sys.RestrictMount(tree, attr, unix.MS_SLAVE, true)
	if err == nil {
		err = propagate(tree, s.Options.Propagation)
	}
	if err == nil {
		err = b.attach(tree, target, s.Target)
	}
	raw.Close(tree)
	return err
}

func hasParam(params []string, key string) bool {
	for i := range params {
		if rest, ok := strings.CutPrefix(params[i], key); ok && (rest == "" || rest[0] == '=') {
			return true
		}
	}
	return false
}

// Bind attaches a tree of the host.
func (b *Builder) Bind(s *plan.Bind) error {
	tree, err := b.tree(s.Slot)
	if err != nil {
		return err
	}
	err = b.bind(tree, s)
	raw.Close(tree)
	return err
}

func (b *Builder) bind(tree int, s *plan.Bind) error {
	mode, err := modeOf(tree)
	if err != nil {
		return err
	}
	if s.CopyLink && mode&unix.S_IFMT == unix.S_IFLNK {
		return b.copyLink(tree, s.Target)
	}
	isDir := mode&unix.S_IFMT == unix.S_IFDIR
	if err := checkSource(s, tree); err != nil {
		return err
	}
	target, _, err := b.target(s.Target, isDir, s.Options.NoFollow)
	if err != nil {
		return err
	}
	err = sameKind(target, isDir)
	if err == nil {
		err = setAttr(tree, &s.Options)
	}
	if err == nil {
		err = apply(tree, &s.Options)
	}
	if err == nil {
		err = b.attach(tree, target, s.Target)
	}
	raw.Close(target)
	return err
}

// copyLink makes the symbolic link that a tree is once more, at a path of the
// container. Where it leads is the container's business: nothing follows it
// here. The same link may be there already, from an earlier start.
func (r *rootdir) copyLink(tree int, path string) error {
	var text, there [unix.PathMax]byte
	n, errno := raw.Readlink(tree, "", text[:])
	if errno != 0 {
		return fault.Call("readlink", errno)
	}
	want := raw.String(text[:n])
	dir, name, err := r.parent(path)
	if err != nil {
		return err
	}
	errno = raw.Symlink(want, dir, name)
	if errno != unix.EEXIST {
		raw.Close(dir)
		return fault.Call("symlink", errno)
	}
	n, errno = raw.Readlink(dir, name, there[:])
	raw.Close(dir)
	if errno != 0 {
		return fault.New(unix.EEXIST, "something other than a symbolic link is there")
	}
	if found := raw.String(there[:n]); found != want {
		return fault.New(unix.EEXIST, "a symbolic link to %q is there, want one to %q").Str(found).Str(want)
	}
	return nil
}

// sameKind: a directory goes on a directory, anything else on no directory. The
// kernel would only say that an argument is invalid. ENOTDIR is mount(2)'s answer to
// both: Docker adds its advice to these words, and takes those of EISDIR for execve's.
func sameKind(target int, isDir bool) error {
	mode, err := modeOf(target)
	if err != nil {
		return err
	}
	switch targetIsDir := mode&unix.S_IFMT == unix.S_IFDIR; {
	case isDir && !targetIsDir:
		return fault.New(unix.ENOTDIR, "a directory can't be mounted on a %s").Str(sys.FileType(mode))
	case !isDir && targetIsDir:
		return fault.New(unix.ENOTDIR, "a file can't be mounted on a directory")
	}
	return nil
}

// checkSource: what is bound on /proc must be a procfs, and on /dev/null the
// device, for what is written there.
func checkSource(s *plan.Bind, tree int) error {
	switch sys.TrimSlashes(s.Target) {
	case "/proc":
		if err := sys.IsProc(tree); err != nil {
			return fault.Of(err).In("only a procfs may be mounted on /proc: %q is ").Str(s.Source)
		}
	case "/dev/null":
		if err := sys.CheckDevice(tree, unix.S_IFCHR, 1, 3); err != nil {
			return fault.Of(err).In("only the device 1:3 may be mounted on /dev/null: %q is ").Str(s.Source)
		}
	}
	return nil
}

// Remount changes attributes of a mount that is there.
func (b *Builder) Remount(s *plan.Remount) error {
	if 0 < s.Kept && s.Kept <= len(b.kept) && b.kept[s.Kept-1] >= 0 {
		return remount(b.kept[s.Kept-1], s)
	}
	fd, err := b.openTarget(s.Target, s.Options.NoFollow)
	if err != nil {
		return err
	}
	err = remount(fd, s)
	raw.Close(fd)
	return err
}

func remount(mount int, s *plan.Remount) error {
	if len(s.Params) > 0 {
		if err := sys.Reconfigure(mount, s.Params); err != nil {
			return err
		}
	}
	if err := setAttr(mount, &s.Options); err != nil {
		return err
	}
	return apply(mount, &s.Options)
}
