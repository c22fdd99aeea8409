package hooks

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// running is a hook that runs, with its standard streams on pipes.
type running struct {
	kind       string
	index      int
	path       string
	limit      int // seconds; 0: none
	log        Log
	pid, pidfd int // 0: none
	streams
}

// streams are the standard streams of a hook.
type streams struct {
	stdin, stdout, stderr [2]int32 // read end, write end; 0: closed
	fed                   int      // how much of the state the hook has been given
	out, err              said
}

func (r *running) open() error {
	if errno := r.pipes(); errno != 0 {
		return r.failed(fault.New(errno, "pipe2"))
	}
	return nil
}

func (s *streams) pipes() unix.Errno {
	if errno := raw.Pipe(&s.stdin, unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	if errno := raw.Pipe(&s.stdout, unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	if errno := raw.Pipe(&s.stderr, unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	for _, fd := range [...]int32{s.stdin[1], s.stdout[0], s.stderr[0]} {
		flags, errno := raw.Fcntl(int(fd), unix.F_GETFL, 0)
		if errno == 0 {
			_, errno = raw.Fcntl(int(fd), unix.F_SETFL, flags|unix.O_NONBLOCK)
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

func shut(fd *int32) {
	if *fd > 0 {
		raw.Close(int(*fd))
	}
	*fd = 0
}

func (s *streams) closeChildEnds() {
	shut(&s.stdin[0])
	shut(&s.stdout[1])
	shut(&s.stderr[1])
}

func (r *running) close() {
	r.closeChildEnds()
	shut(&r.stdin[1])
	shut(&r.stdout[0])
	shut(&r.stderr[0])
	if r.pidfd > 0 {
		raw.Close(r.pidfd)
	}
}

// failed says of a failure which hook's it is.
func (r *running) failed(f *fault.Fault) error {
	f.In("error running %s hook #%d: %s").Str(r.kind).Num(int64(r.index)).Str(r.path)
	f.Entry, f.Whole = r.index+1, true
	return f
}

// notStarted is failed for a hook that could not be executed.
func (r *running) notStarted(f *fault.Fault) error {
	f.In("error running %s hook #%d: fork/exec %s").Str(r.kind).Num(int64(r.index)).Str(r.path)
	f.Entry, f.Whole = r.index+1, true
	return f
}

// started takes over the hook's process.
func (r *running) started(pid int) error {
	r.closeChildEnds()
	pidfd, errno := raw.PidfdOpen(pid)
	if errno != 0 {
		raw.Kill(pid, unix.SIGKILL)
		raw.Wait4(pid, nil, 0)
		return r.failed(fault.Of(fault.Call("pidfd_open", errno)))
	}
	r.pid, r.pidfd = pid, pidfd
	return nil
}

const ranPast = "hook ran past specified timeout of %d.0s"

// end kills the hook if something has failed, reaps it and judges it.
func (r *running) end(failed *fault.Fault) error {
	if failed != nil {
		raw.Kill(-r.pid, unix.SIGKILL) // with its children: the hook is its group's leader
		// This process may be unable to kill a set-user-id program. Then it does not wait for it.
		errno := raw.SignalProcess(r.pidfd, r.pid, unix.SIGKILL)
		if errno != 0 && errno != unix.ESRCH {
			if failed.Text == ranPast {
				failed = fault.New(errno, ranPast+", and could not be killed: %e").Num(int64(r.limit))
			}
			return r.failed(failed)
		}
	}
	var status unix.WaitStatus
	if _, errno := raw.Wait4(r.pid, &status, 0); errno != 0 {
		return r.failed(fault.New(errno, "wait4"))
	}
	r.drain()
	switch {
	case failed != nil:
	case status.Signaled():
		failed = r.saying(fault.New(0, "signal: %g, stdout: %s, stderr: %s").Num(int64(status.Signal())))
	case status.ExitStatus() != 0:
		failed = r.saying(fault.New(0, "exit status %d, stdout: %s, stderr: %s").Num(int64(status.ExitStatus())))
	default:
		return nil
	}
	return r.failed(failed)
}

// serve moves data until the hook's process has ended. Output of children that it
// leaves behind is not waited for.
func (r *running) serve(state [3]string) *fault.Fault {
	const longest = 1 << 30 // what poll(2) can wait, in milliseconds, and seconds that are as good as none
	end := raw.Monotonic() + int64(min(r.limit, longest))*1e9
	for {
		wait := -1
		if r.limit > 0 {
			left := end - raw.Monotonic()
			if left <= 0 {
				return fault.New(0, ranPast).Num(int64(r.limit))
			}
			wait = int(min(left/1e6+1, longest))
		}
		fds := [...]unix.PollFd{{Fd: int32(r.pidfd), Events: unix.POLLIN}, pollEntry(r.stdin[1], unix.POLLOUT),
			pollEntry(r.stdout[0], unix.POLLIN), pollEntry(r.stderr[0], unix.POLLIN)}
		if _, errno := raw.Poll(fds[:], wait); errno != 0 {
			return fault.New(errno, "poll")
		}
		if fds[1].Revents != 0 {
			r.feed(state)
		}
		if fds[2].Revents != 0 {
			r.out.collect(&r.stdout[0], r.log.Stdout)
		}
		if fds[3].Revents != 0 {
			r.err.collect(&r.stderr[0], r.log.Stderr)
		}
		if fds[0].Revents != 0 {
			return nil
		}
	}
}

// pollEntry ignores a closed end: poll(2) skips negative descriptors.
func pollEntry(fd int32, events int16) unix.PollFd {
	if fd == 0 {
		fd = -1
	}
	return unix.PollFd{Fd: fd, Events: events}
}

// feed writes what the pipe takes. A hook need not read its state.
func (s *streams) feed(state [3]string) {
	skip, left := s.fed, 0
	for i := range state {
		some := min(skip, len(state[i]))
		state[i], skip = state[i][some:], skip-some
		left += len(state[i])
	}
	n, errno := raw.WriteParts(int(s.stdin[1]), &state)
	if errno == unix.EAGAIN {
		return
	}
	if s.fed += n; errno != 0 || n == left {
		shut(&s.stdin[1])
	}
}
