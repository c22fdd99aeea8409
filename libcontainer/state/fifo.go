package state

import (
	"golang.org/x/sys/unix"
)

const fifoName = "exec.fifo"

// MakeFifo makes exec.fifo, on which init waits for start. It belongs to the container's root, given by host ids, who may
// read it; everybody may write: who gets that far is allowed to start the container.
func (d *Dir) MakeFifo(uid, gid int) error {
	if err := unix.Mkfifoat(d.fd, fifoName, 0o600); err != nil {
		return d.failed("mkfifo", fifoName, err)
	}
	if err := unix.Fchownat(d.fd, fifoName, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return d.failed("chown", fifoName, err)
	}
	// Not with mkfifoat: the umask would take away the bits that matter. The directory is ours, so the name is still that
	// of the fifo.
	if err := unix.Fchmodat(d.fd, fifoName, 0o622, 0); err != nil {
		return d.failed("chmod", fifoName, err)
	}
	return nil
}

// OpenFifo opens exec.fifo with flags of open(2), close-on-exec. Opening one end waits for the other, unless the flags say
// O_NONBLOCK, O_RDWR or O_PATH; see fifo(7). The error is an *fs.PathError, fs.ErrNotExist if the container was started.
func (d *Dir) OpenFifo(flags int) (fd int, err error) {
	fd, err = retry(func() (int, error) {
		return unix.Openat(d.fd, fifoName, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return -1, d.failed("open", fifoName, err)
	}
	return fd, nil
}

// HasFifo reports whether exec.fifo is there: the container was created and not started yet.
func (d *Dir) HasFifo() bool {
	var st unix.Stat_t
	return unix.Fstatat(d.fd, fifoName, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// RemoveFifo removes exec.fifo. It is no error if it is gone already.
func (d *Dir) RemoveFifo() error {
	if err := unix.Unlinkat(d.fd, fifoName, 0); err != nil && err != unix.ENOENT {
		return d.failed("remove", fifoName, err)
	}
	return nil
}
