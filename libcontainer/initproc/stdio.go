package initproc

import (
	"os"

	"golang.org/x/sys/unix"
)

// reopenNull replaces those standard streams that are /dev/null by the
// container's own: through the host's, root of the container could change mode
// and owner of the device that everybody on the host uses. A container without
// one keeps what it has.
func reopenNull() error {
	null := -1
	for fd := range 3 {
		if !isNull(fd) {
			continue
		}
		if null < 0 {
			var err error
			if null, err = openNull(); err != nil {
				return nil
			}
			defer unix.Close(null)
		}
		if err := unix.Dup3(null, fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	return nil
}

// openNull opens the container's /dev/null, whose container may swap it while
// this happens. No other inode is kept.
func openNull() (int, error) {
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if !isNull(fd) {
		unix.Close(fd)
		return -1, unix.ENODEV
	}
	return fd, nil
}

func isNull(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}
