package terminal

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// chunk is what is copied at a time: a pipe that is ready for writing takes as
// much without waiting (PIPE_BUF), and a terminal gives no more.
const chunk = 4096

// copying is a relay at work. One thread waits for everything that can happen.
type copying struct {
	*Relay
	init  int  // pidfd
	ended bool // init has
	input
	output
}

// input is what is typed.
type input struct {
	typing   [chunk]byte
	typed    []byte        // read and not yet written
	deaf     bool          // nothing comes in any more
	eof      bool          // and the container is to know it
	patience time.Duration // how long to wait before the end is typed again
}

// output is what the container prints.
type output struct {
	printing [chunk]byte
	printed  []byte // read and not yet written
	left     int    // how much may still come once init has ended
}

// The places of what is waited for.
const (
	atInput = iota
	atOutput
	atMaster
	atInit
	atWake
	places
)

// run returns when init has ended and all is written, or when Close wants it to.
func (c *copying) run() error {
	for {
		fds := c.interests()
		n, err := retry.Poll(fds[:], c.timeout())
		if err != nil {
			c.hangUp()
			return os.NewSyscallError("poll", err)
		}
		if fds[atInit].Revents != 0 {
			// What its terminal still has fits into the kernel's buffer, if
			// no process keeps printing.
			c.ended, c.deaf, c.typed, c.left = true, true, nil, 1<<20
		}
		switch {
		case n == 0 && c.ended:
			return nil
		case n == 0:
			c.tellEnd()
		case fds[atWake].Revents != 0:
			var count [8]byte
			retry.Read(c.wake, count[:])
			if c.closing.Load() && !c.ended {
				return nil
			}
			c.makeRaw() // an error: it is gone, as the next read reports
			c.resize()
		}
		c.move(&fds)
	}
}

// interests returns what is waited for next. Nothing is read before what was read
// is written.
func (c *copying) interests() [places]unix.PollFd {
	var fds [places]unix.PollFd
	for i := range fds {
		fds[i].Fd = -1
	}
	want := func(i, fd int, events int16) {
		fds[i].Fd = int32(fd)
		fds[i].Events |= events
	}
	want(atWake, c.wake, unix.POLLIN)
	if !c.ended {
		want(atInit, c.init, unix.POLLIN)
	}
	switch {
	case len(c.typed) > 0:
		want(atMaster, c.master, unix.POLLOUT)
	case !c.deaf:
		want(atInput, c.streams[0], unix.POLLIN)
	}
	switch {
	case len(c.printed) > 0:
		want(atOutput, c.streams[1], unix.POLLOUT)
	case !c.ended || c.left > 0:
		want(atMaster, c.master, unix.POLLIN)
	}
	return fds
}

// timeout is how long to wait, -1: until something happens.
func (c *copying) timeout() time.Duration {
	switch {
	case c.ended && len(c.printed) == 0:
		return 0
	case c.eof && len(c.typed) == 0 && !c.ended && c.master >= 0:
		return c.patience
	}
	return -1
}

func (c *copying) move(fds *[places]unix.PollFd) {
	if fds[atInput].Revents != 0 {
		c.read(fds[atInput].Revents)
	}
	if fds[atOutput].Revents != 0 {
		c.write(fds[atOutput].Revents)
	}
	if c.master < 0 {
		return
	}
	if fds[atMaster].Revents&unix.POLLOUT != 0 {
		n, err := retry.Write(c.master, c.typed)
		switch err {
		case nil:
			c.typed = c.typed[n:]
		case unix.EAGAIN:
		default:
			c.typed = nil
		}
	}
	if fds[atMaster].Revents&^unix.POLLOUT != 0 && len(c.printed) == 0 {
		n, err := retry.Read(c.master, c.printing[:])
		switch {
		case err == unix.EAGAIN:
		case err != nil || n == 0:
			c.hangUp() // no process can open it again
		default:
			c.printed = c.printing[:n]
			c.left -= n
		}
	}
}

// read takes what comes in. If the caller's terminal has gone, so has the
// container's; the end of anything else is the end of the container's input.
func (c *copying) read(ready int16) {
	n, err := retry.Read(c.streams[0], c.typing[:])
	switch {
	case err == unix.EAGAIN:
	case err == nil && n > 0:
		c.typed = c.typing[:n]
		if c.before == nil {
			c.makeRaw() // a shell does not report which job is in the foreground
		}
	case c.tty && ready&unix.POLLHUP != 0:
		c.giveUp()
	default:
		c.deaf = true
		c.eof = !c.tty || err == nil // not a terminal that is refused to the background
	}
}

// tellEnd types ^D, or what the container has set for it. Reading nothing means the
// end of the input, so a reader that comes later must find it again. One ^D at
// a time: a program that changes the terminal's mode may miss one, and one that
// does not read is not to find many.
func (c *copying) tellEnd() {
	c.patience = min(2*c.patience+10*time.Millisecond, time.Second)
	unread := []unix.PollFd{{Fd: int32(c.slave), Events: unix.POLLIN}}
	if n, err := retry.Poll(unread, 0); n != 0 || err != nil {
		return
	}
	if t, err := unix.IoctlGetTermios(c.slave, unix.TCGETS); err == nil && t.Cc[unix.VEOF] != 0 {
		c.typing[0] = t.Cc[unix.VEOF]
		c.typed = c.typing[:1]
	}
}

// write writes what was printed. If nothing reads it any more, the terminal
// has gone. What cannot be written for another reason, such as a full disk, is lost: there
// is no way to report it to the container's process.
func (c *copying) write(ready int16) {
	if ready&unix.POLLOUT == 0 {
		c.giveUp()
		return
	}
	n, err := retry.Write(c.streams[1], c.printed)
	switch err {
	case nil:
		c.printed = c.printed[n:]
	case unix.EAGAIN:
	case unix.EPIPE, unix.EIO:
		c.giveUp()
	default:
		c.printed = nil
	}
}

// giveUp hangs up: nothing types or reads any more.
func (c *copying) giveUp() {
	c.typed, c.printed, c.deaf = nil, nil, true
	c.hangUp()
}
