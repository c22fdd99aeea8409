package rootfs

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// systemMounts are where the filesystems are that show the kernel. Names in the
// root filesystem are not the container's alone: who shares it can exchange the
// directory that is mounted on for another, at any time. So what is mounted here
// is kept, and what is below it is looked for there.
var systemMounts = [...]string{"/proc", "/sys"}

// keepSystem keeps a mount that has been attached at a path, if it is one of
// systemMounts.
func (b *Builder) keepSystem(path string, mount int) error {
	path = strings.TrimRight(path, "/")
	if !isSystemMount(path) {
		return nil
	}
	return keep(&b.system, path, mount)
}

// keep keeps a descriptor of a mount under a name.
func keep(mounts *map[string]int, name string, mount int) error {
	fd, err := sys.Duplicate(mount)
	if err != nil {
		return err
	}
	if *mounts == nil {
		*mounts = make(map[string]int)
	}
	if old, ok := (*mounts)[name]; ok {
		unix.Close(old)
	}
	(*mounts)[name] = fd
	return nil
}

// openBelow opens a path in the container: in the mount that was kept, if it is
// at or below one of systemMounts, and never leaving it for what its links say.
func (b *Builder) openBelow(path string, flags int) (int, error) {
	for top, mount := range b.system {
		rest, ok := strings.CutPrefix(path, top)
		switch {
		case !ok || rest != "" && rest[0] != '/':
		case strings.Trim(rest, "/") == "":
			return sys.Duplicate(mount)
		default:
			return sys.OpenBeneath(mount, strings.TrimLeft(rest, "/"), flags)
		}
	}
	return sys.OpenInRoot(b.root, path, flags)
}

// CheckSystem makes sure that what is at systemMounts is what was mounted there,
// after all that is to be done below, and lets go of it.
func (b *Builder) CheckSystem() error {
	defer b.releaseSystem()
	for _, path := range systemMounts {
		mount, ok := b.system[path]
		if !ok {
			continue
		}
		fd, err := sys.OpenInRoot(b.root, path, unix.O_PATH|unix.O_NOFOLLOW)
		if err != nil {
			return err
		}
		var found, want unix.Statx_t
		err = statMount(fd, &found)
		unix.Close(fd)
		if err == nil {
			err = statMount(mount, &want)
		}
		if err == nil && !sameMount(&found, &want) {
			err = fmt.Errorf("%s is not what was mounted there: somebody exchanges directories of the root filesystem", path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) releaseSystem() {
	for _, mount := range b.system {
		unix.Close(mount)
	}
	b.system = nil
}

func statMount(fd int, st *unix.Statx_t) error {
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID|unix.STATX_INO|unix.STATX_TYPE, st)
	return os.NewSyscallError("statx", err)
}

// sameMount reports whether both are of one file, seen through one mount.
func sameMount(a, b *unix.Statx_t) bool { return a.Mnt_id == b.Mnt_id && a.Ino == b.Ino }
