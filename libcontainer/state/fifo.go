package state

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// The fifos between start and an init that waits for it. Start writes a byte to the one, and reads from the other what
// becomes of it.
const (
	fifoName   = "exec.fifo"
	fifoNext   = "exec.fifo.next"
	answerName = "answer.fifo"
)

// Fifo says what there is of exec.fifo.
type Fifo int

const (
	NoFifo    Fifo = iota // nothing: the container was started, or is none that waits
	NextFifo              // it was made, and creating the container is not over
	ReadyFifo             // it was published: init waits on it, if init lives and says so
)

// MakeFifo makes exec.fifo, on which init waits for start, under another name until PublishFifo, and answer.fifo. Only the
// caller may open them: init is given its ends.
func (d *Dir) MakeFifo() error {
	for _, name := range [...]string{fifoNext, answerName} {
		if err := unix.Mkfifoat(d.fd, name, 0o600); err != nil {
			return d.failed("mkfifo", name, err)
		}
	}
	return nil
}

// InitFifos opens init's ends of what MakeFifo has made. Both are open for reading and writing, so that neither has an end
// before init's: reading waits for start though none has come, and what is written to a start that has exited stays for the
// next. Answering does not wait.
func (d *Dir) InitFifos() (start, answer int, err error) {
	if start, err = d.openFifo(fifoNext, unix.O_RDWR); err != nil {
		return -1, -1, err
	}
	if answer, err = d.openFifo(answerName, unix.O_RDWR|unix.O_NONBLOCK); err != nil {
		unix.Close(start)
		return -1, -1, err
	}
	return start, answer, nil
}

// PublishFifo gives exec.fifo its name: from now on the container is created, and may be started.
func (d *Dir) PublishFifo() error {
	if err := unix.Renameat(d.fd, fifoNext, d.fd, fifoName); err != nil {
		return d.failed("rename", fifoNext, err)
	}
	return nil
}

// OpenFifos opens start's ends: exec.fifo, where it may take back what it has written, and answer.fifo for reading. Neither
// waits. Where init is of a version that had exec.fifo only, and answered on that once it was read, start is -1. The error is an *fs.PathError, fs.ErrNotExist if the container was started.
func (d *Dir) OpenFifos() (start, answer int, err error) {
	answer, err = d.openFifo(answerName, unix.O_RDONLY|unix.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		answer, err = d.openFifo(fifoName, unix.O_RDONLY|unix.O_NONBLOCK)
		return -1, answer, err
	}
	if err != nil {
		return -1, -1, err
	}
	if start, err = d.openFifo(fifoName, unix.O_RDWR|unix.O_NONBLOCK); err != nil {
		unix.Close(answer)
		return -1, -1, err
	}
	return start, answer, nil
}

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

// RemoveFifo removes exec.fifo, and answer.fifo after it. It is not an error if they are gone already.
func (d *Dir) RemoveFifo() error {
	for _, name := range [...]string{fifoName, answerName} {
		if err := unix.Unlinkat(d.fd, name, 0); err != nil && err != unix.ENOENT {
			return d.failed("remove", name, err)
		}
	}
	return nil
}
