package state

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

const (
	fifoName = "exec.fifo"
	fifoNext = "exec.fifo.next"
)

// Fifo says what there is of exec.fifo.
type Fifo int

const (
	NoFifo    Fifo = iota // nothing: the container was started, or is none that waits
	NextFifo              // it was made, and creating the container is not over
	ReadyFifo             // it was published: init waits on it, if init lives and says so
)

// MakeFifo makes exec.fifo, on which init waits for start, under another name until PublishFifo. It belongs to the
// container's root, given by host ids, who may read it; everybody may write: who gets that far is allowed to start the
// container.
func (d *Dir) MakeFifo(uid, gid int) error {
	if err := unix.Mkfifoat(d.fd, fifoNext, 0o600); err != nil {
		return d.failed("mkfifo", fifoNext, err)
	}
	if err := unix.Fchownat(d.fd, fifoNext, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return d.failed("chown", fifoNext, err)
	}
	// Not with mkfifoat: the umask would take away the bits that matter. The directory is ours, so the name is still that
	// of the fifo.
	if err := unix.Fchmodat(d.fd, fifoNext, 0o622, 0); err != nil {
		return d.failed("chmod", fifoNext, err)
	}
	return nil
}

// NextFifo opens what MakeFifo has made, for init (O_PATH).
func (d *Dir) NextFifo() (fd int, err error) { return d.openFifo(fifoNext, unix.O_PATH) }

// PublishFifo gives exec.fifo its name: from now on the container is created, and may be started.
func (d *Dir) PublishFifo() error {
	if err := unix.Renameat(d.fd, fifoNext, d.fd, fifoName); err != nil {
		return d.failed("rename", fifoNext, err)
	}
	return nil
}

// OpenFifo opens exec.fifo with flags of open(2), close-on-exec. Opening one end waits for the other, unless the flags say
// O_NONBLOCK, O_RDWR or O_PATH; see fifo(7). The error is an *fs.PathError, fs.ErrNotExist if the container was started.
func (d *Dir) OpenFifo(flags int) (fd int, err error) { return d.openFifo(fifoName, flags) }

func (d *Dir) openFifo(name string, flags int) (int, error) {
	fd, err := retry.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, d.failed("open", name, err)
	}
	return fd, nil
}

// Fifo looks for exec.fifo, first under the name that it loses.
func (d *Dir) Fifo() (Fifo, error) {
	for _, f := range [...]struct {
		name string
		is   Fifo
	}{{fifoNext, NextFifo}, {fifoName, ReadyFifo}} {
		var st unix.Stat_t
		switch err := unix.Fstatat(d.fd, f.name, &st, unix.AT_SYMLINK_NOFOLLOW); err {
		case nil:
			return f.is, nil
		case unix.ENOENT:
		default:
			return NoFifo, d.failed("stat", f.name, err)
		}
	}
	return NoFifo, nil
}

// RemoveFifo removes exec.fifo. It is no error if it is gone already.
func (d *Dir) RemoveFifo() error {
	if err := unix.Unlinkat(d.fd, fifoName, 0); err != nil && err != unix.ENOENT {
		return d.failed("remove", fifoName, err)
	}
	return nil
}
