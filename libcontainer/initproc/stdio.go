package initproc

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// reopenNull replaces those standard streams that are /dev/null by the
// container's own: through the host's, root of the container could change mode
// and owner of the device that everybody on the host uses. Where the container
// has none, or something else in its place, it gets one that nobody else has.
func reopenNull() error {
	null := -1
	for fd := range 3 {
		var st unix.Stat_t
		err := unix.Fstat(fd, &st)
		if err == unix.EBADF {
			continue
		}
		if err != nil {
			return os.NewSyscallError("fstat", err)
		}
		if !isNull(&st) {
			continue
		}
		if null < 0 {
			null, err = openNull()
			if err == errNoNull {
				null, err = makeNull()
			}
			if errors.Is(err, unix.EPERM) && st.Uid == unmappedID {
				return nil // a user namespace, for whose root the host's device is a stranger's
			}
			if err != nil {
				return fmt.Errorf("/dev/null of the container's own: %w", err)
			}
			defer unix.Close(null)
		}
		if err := retry.Dup3(null, fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	return nil
}

// unmappedID is what ids look like that a user namespace does not map.
const unmappedID = 65534

// errNoNull: the container has no /dev/null.
var errNoNull = errors.New("not there")

// openNull opens the container's /dev/null, if it is that: the container may have
// put anything there, and swap it while this happens.
func openNull() (int, error) {
	const path, flags = "/dev/null", unix.O_NOFOLLOW | unix.O_CLOEXEC
	for _, how := range [...]int{unix.O_PATH, unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK} {
		fd, err := retry.Open(path, flags|how, 0)
		switch err {
		case nil:
		case unix.ENOENT, unix.ENOTDIR, unix.ELOOP:
			return -1, errNoNull
		default:
			return -1, err
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("fstat", err)
		}
		if isNull(&st) && how != unix.O_PATH {
			return fd, os.NewSyscallError("fcntl F_SETFL", unix.SetNonblock(fd, false))
		}
		unix.Close(fd)
		if !isNull(&st) {
			return -1, errNoNull
		}
	}
	return -1, errNoNull
}

// makeNull makes a /dev/null that is in no directory.
func makeNull() (int, error) {
	mount, err := sys.NewFilesystem("tmpfs", "tmpfs", []string{"size=4k", "nr_inodes=2"}, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(mount)
	if err := unix.Mknodat(mount, "null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		return -1, os.NewSyscallError("mknod", err)
	}
	fd, err := retry.Openat(mount, "null", unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	return fd, os.NewSyscallError("open", err)
}

func isNull(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}
