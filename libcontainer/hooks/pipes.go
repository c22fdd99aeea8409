package hooks

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

var errTimeout = errors.New("timeout")

// pipes are a hook's standard streams.
type pipes struct {
	stdin, stdout, stderr [2]int // read end, write end; 0: closed
	out, err              []byte
	log                   Log
}

func (p *pipes) open() error {
	for _, ends := range []*[2]int{&p.stdin, &p.stdout, &p.stderr} {
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return os.NewSyscallError("pipe2", err)
		}
	}
	for _, fd := range []int{p.stdin[1], p.stdout[0], p.stderr[0]} {
		if err := unix.SetNonblock(fd, true); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
	}
	return nil
}

func shut(fd *int) {
	if *fd > 0 {
		unix.Close(*fd)
	}
	*fd = 0
}

func (p *pipes) closeChildEnds() {
	shut(&p.stdin[0])
	shut(&p.stdout[1])
	shut(&p.stderr[1])
}

func (p *pipes) close() {
	p.closeChildEnds()
	shut(&p.stdin[1])
	shut(&p.stdout[0])
	shut(&p.stderr[0])
}

// serve moves data until the hook's process has ended. Output of children it
// leaves behind is not waited for.
func (p *pipes) serve(pidfd int, state []byte, limit time.Duration) error {
	var deadline time.Time
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	for {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}, pollEntry(p.stdin[1], unix.POLLOUT),
			pollEntry(p.stdout[0], unix.POLLIN), pollEntry(p.stderr[0], unix.POLLIN)}
		left := time.Duration(-1)
		if limit > 0 {
			if left = time.Until(deadline); left <= 0 {
				return errTimeout
			}
		}
		if _, err := retry.Poll(fds, left); err != nil {
			return os.NewSyscallError("poll", err)
		}
		if fds[1].Revents != 0 {
			state = p.feed(state)
		}
		if fds[2].Revents != 0 {
			collect(&p.stdout[0], &p.out, p.log.Stdout)
		}
		if fds[3].Revents != 0 {
			collect(&p.stderr[0], &p.err, p.log.Stderr)
		}
		if fds[0].Revents != 0 {
			return nil
		}
	}
}

// pollEntry ignores a closed end: poll(2) skips negative descriptors.
func pollEntry(fd int, events int16) unix.PollFd {
	if fd == 0 {
		fd = -1
	}
	return unix.PollFd{Fd: int32(fd), Events: events}
}

// feed writes what the pipe takes. A hook need not read its state.
func (p *pipes) feed(state []byte) []byte {
	n, err := retry.Write(p.stdin[1], state)
	switch {
	case err == unix.EAGAIN:
		return state
	case err != nil || n == len(state):
		shut(&p.stdin[1])
		return nil
	}
	return state[n:]
}

// collect reads once, and copies it to a log, if there is one; beyond maxOutput
// nothing is kept.
func collect(fd *int, into *[]byte, log int) bool {
	var buf [4096]byte
	n, err := retry.Read(*fd, buf[:])
	if err == unix.EAGAIN {
		return false
	}
	if err != nil || n == 0 {
		shut(fd)
		return false
	}
	if log > 0 {
		retry.Write(log, buf[:n])
	}
	if room := maxOutput - len(*into); room > 0 {
		*into = append(*into, buf[:min(n, room)]...)
	}
	return true
}

// drain takes what is still in the pipes, and no more than they can hold: a
// child that the hook left behind may go on writing.
func (p *pipes) drain() {
	const reads = 64 << 10 / 4096
	for range reads {
		if p.stdout[0] == 0 || !collect(&p.stdout[0], &p.out, p.log.Stdout) {
			break
		}
	}
	for range reads {
		if p.stderr[0] == 0 || !collect(&p.stderr[0], &p.err, p.log.Stderr) {
			break
		}
	}
}
