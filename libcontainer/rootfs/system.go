package rootfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// systemMounts are where the filesystems are that show the kernel. Names in the
// root filesystem are not the container's alone: another container that shares it can
// replace the directory that is mounted on, at any time. So what is mounted here
// is kept, and what is below it is looked for there.
var systemMounts = [...]string{"/proc", "/sys"}

// systemKept is what was mounted there, -1 for nothing.
type systemKept [len(systemMounts)]int

// systemMount returns which of systemMounts a path is; -1: none.
func systemMount(path string) int {
	path = sys.TrimSlashes(path)
	for i := range systemMounts {
		if systemMounts[i] == path {
			return i
		}
	}
	return -1
}

// keep keeps a mount that has been attached at a path, if it is one of
// systemMounts.
func (k *systemKept) keep(path string, mount int) error {
	if i := systemMount(path); i >= 0 {
		return keepMount(&k[i], mount)
	}
	return nil
}

// keepMount keeps a descriptor of a mount in the place of what was kept there.
func keepMount(place *int, mount int) error {
	fd, err := sys.Duplicate(mount)
	if err != nil {
		return err
	}
	letGo(place)
	*place = fd
	return nil
}

// letGo closes what is kept in a place, if anything is.
func letGo(place *int) {
	if *place >= 0 {
		raw.Close(*place)
	}
	*place = -1
}

// openBelow opens a path in the container: in the mount that was kept, if it is
// at or below one of systemMounts, and never leaving it for what its links say.
func (r *rootdir) openBelow(path string, flags int) (int, error) {
	if fd, is, err := r.system.open(path, flags); is {
		return fd, err
	}
	return sys.OpenInRoot(r.root, path, flags)
}

// open opens a path at or below one of systemMounts, if it is one of a mount
// that was kept.
func (k *systemKept) open(path string, flags int) (fd int, is bool, err error) {
	for i, mount := range k {
		rest, ok := strings.CutPrefix(path, systemMounts[i])
		if mount < 0 || !ok || rest != "" && rest[0] != '/' {
			continue
		}
		for rest != "" && rest[0] == '/' {
			rest = rest[1:]
		}
		if rest == "" {
			fd, err = sys.Duplicate(mount)
		} else {
			fd, err = sys.OpenBeneath(mount, rest, flags)
		}
		return fd, true, err
	}
	return -1, false, nil
}

// openSource opens what a bind mount is of. A link of the image's leads to no other
// mount, nor to the root with all mounts in it: what is there may be read-only, or
// protected by its name, and the bind mount would be neither.
func (r *rootdir) openSource(path string, flags int) (int, unix.Errno) {
	fd, is, err := r.system.open(path, flags)
	if is {
		return fd, fault.Errno(err)
	}
	fd, err = sys.OpenPlain(r.root, path, flags)
	if !fault.Is(err, unix.ELOOP) {
		return fd, fault.Errno(err)
	}
	if fd, err = sys.OpenInMount(r.root, path, flags); err != nil {
		return -1, fault.Errno(err)
	}
	var st, top unix.Statx_t
	if err = statMount(fd, &st); err == nil {
		err = statMount(r.root, &top)
	}
	errno := fault.Errno(err)
	if err == nil && sameMount(&st, &top) {
		errno = unix.EXDEV
	}
	if errno != 0 {
		raw.Close(fd)
		return -1, errno
	}
	return fd, 0
}

// CheckSystem makes sure that what is at systemMounts is what was mounted there,
// after all work below it, and closes it.
func (r *rootdir) CheckSystem() error {
	for i, mount := range r.system {
		if mount < 0 {
			continue
		}
		if err := r.checkSystem(systemMounts[i], mount); err != nil {
			return err
		}
	}
	r.system.release()
	return nil
}

func (r *rootdir) checkSystem(path string, mount int) error {
	fd, err := sys.OpenInRoot(r.root, path, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	var found, want unix.Statx_t
	err = statMount(fd, &found)
	raw.Close(fd)
	if err == nil {
		err = statMount(mount, &want)
	}
	if err == nil && !sameMount(&found, &want) {
		return fault.New(0, "%s is not what was mounted there: another process replaces directories of the root filesystem").Str(path)
	}
	return err
}

func (k *systemKept) release() {
	for i := range k {
		letGo(&k[i])
	}
}

func statMount(fd int, st *unix.Statx_t) error {
	return fault.Call("statx", raw.Stat(fd, unix.STATX_MNT_ID|unix.STATX_INO|unix.STATX_TYPE, st))
}

// sameMount reports whether both are of one file, seen through one mount.
func sameMount(a, b *unix.Statx_t) bool { return a.Mnt_id == b.Mnt_id && a.Ino == b.Ino }
