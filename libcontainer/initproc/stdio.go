package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// ownStdio gives the standard streams to the container's user: pipes, and files
// unless they are the caller's. What can't change hands stays, and so do
// devices, which are the host's (CVE-2026-88265: /dev/null).
func ownStdio(s *plan.OwnStdio) error {
	for fd := range 3 {
		var st unix.Statx_t
		if errno := raw.Stat(fd, unix.STATX_TYPE|unix.STATX_UID, &st); errno != 0 {
			if errno == unix.EBADF {
				continue
			}
			return fault.Call("fstat", errno)
		}
		kind := st.Mode & unix.S_IFMT
		mayChange := kind == unix.S_IFIFO || kind == unix.S_IFREG && !s.PipesOnly
		if !mayChange || st.Uid == s.UID {
			continue
		}
		switch errno := raw.Chown(fd, "", int(s.UID), -1); errno {
		case 0, unix.EINVAL, unix.EPERM, unix.EROFS:
		default:
			return fault.Call("fchown", errno)
		}
	}
	return nil
}

// reopenNull replaces those standard streams that are /dev/null by the
// container's own: through the host's, root of the container could change mode
// and owner of the device that all processes of the host use. Where the container
// has none, or something else in its place, it gets one of its own.
func reopenNull() error {
	null := -1
	err := replaceNull(&null)
	if null >= 0 {
		raw.Close(null)
	}
	return err
}

// replaceNull opens null at first need.
func replaceNull(null *int) error {
	for fd := range 3 {
		var st unix.Statx_t
		errno := raw.Stat(fd, unix.STATX_TYPE|unix.STATX_UID, &st)
		if errno == unix.EBADF {
			continue
		}
		if errno != 0 {
			return fault.Call("fstat", errno)
		}
		if !isNull(&st) {
			continue
		}
		if *null < 0 {
			var err error
			if *null, err = openNull(); err == nil && *null < 0 {
				*null, err = makeNull()
			}
			if fault.Is(err, unix.EPERM) && st.Uid == unmappedID {
				return nil // a user namespace, for whose root the host's device is a stranger's
			}
			if err != nil {
				return fault.Of(err).In("/dev/null of the container's own")
			}
		}
		if errno := raw.Dup3(*null, fd, 0); errno != 0 {
			return fault.Call("dup3", errno)
		}
	}
	return nil
}

// unmappedID is what ids look like that a user namespace does not map.
const unmappedID = 65534

// openNull opens the container's /dev/null, if it is that: the container may have
// put anything there, and swap it while this happens. If it has none this gives -1 and
// no error.
func openNull() (int, error) {
	fd, err := tryNull(unix.O_PATH)
	if fd < 0 {
		return -1, err
	}
	raw.Close(fd)
	fd, err = tryNull(unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK)
	if fd < 0 {
		return -1, err
	}
	if _, errno := raw.Fcntl(fd, unix.F_SETFL, 0); errno != 0 {
		raw.Close(fd)
		return -1, fault.Call("fcntl F_SETFL", errno)
	}
	return fd, nil
}

// tryNull opens what is at /dev/null: -1 and no error if it is another file.
func tryNull(how int) (int, error) {
	const path = "/dev/null"
	fd, errno := raw.Open(unix.AT_FDCWD, path, unix.O_NOFOLLOW|how, 0)
	switch errno {
	case 0:
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP:
		return -1, nil
	default:
		return -1, fault.New(errno, "%e")
	}
	var st unix.Statx_t
	errno = raw.Stat(fd, unix.STATX_TYPE, &st)
	if errno == 0 && isNull(&st) {
		return fd, nil
	}
	raw.Close(fd)
	return -1, fault.Call("fstat", errno)
}

// makeNull makes a /dev/null that is in no directory.
func makeNull() (int, error) {
	params := [...]string{"size=4k", "nr_inodes=2"}
	mount, err := sys.NewFilesystem("tmpfs", "tmpfs", params[:], unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1, err
	}
	fd, err := nullIn(mount)
	raw.Close(mount)
	return fd, err
}

func nullIn(dir int) (int, error) {
	if errno := raw.Mknod(dir, "null", unix.S_IFCHR|0o666, unix.Mkdev(1, 3)); errno != 0 {
		return -1, fault.Call("mknod", errno)
	}
	fd, errno := raw.Open(dir, "null", unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	return fd, fault.Call("open", errno)
}

func isNull(st *unix.Statx_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == 1 && st.Rdev_minor == 3
}
