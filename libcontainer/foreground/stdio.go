package foreground

import (
	"errors"
	"os"
	"runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// outputPipe carries to a file the output of a process that is not allowed to open it.
// The process opens /dev/stdout again, of which it owns the pipe; the file's owner
// and length stay as they are.
type outputPipe struct {
	streams []int // standard streams of this process that are the file
	r, w    int
	wake    int // eventfd: the process has ended
	done    chan struct{}
}

// PipeStdio makes a pipe for each file among standard output and error that is not
// the user's to open.
func (f *Side) PipeStdio() error {
	var files [3]unix.Stat_t
	for fd := 1; fd <= 2; fd++ {
		st := &files[fd]
		if unix.Fstat(fd, st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&unix.S_IWOTH != 0 {
			continue
		}
		if fd == 2 && len(f.pipes) == 1 && sys.SameFile(&files[1], st) {
			f.pipes[0].streams = append(f.pipes[0].streams, 2)
			continue
		}
		p, err := newOutputPipe(fd)
		if err != nil {
			return err
		}
		f.pipes = append(f.pipes, p)
	}
	return nil
}

func newOutputPipe(stream int) (*outputPipe, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	p := &outputPipe{streams: []int{stream}, r: ends[0], w: ends[1], done: make(chan struct{})}
	err := os.NewSyscallError("fcntl", unix.SetNonblock(p.r, true))
	if err == nil {
		p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		err = os.NewSyscallError("eventfd2", err)
	}
	if err != nil {
		unix.Close(p.r)
		unix.Close(p.w)
		return nil, err
	}
	runtime.GOMAXPROCS(2) // see terminal.Relay
	go p.copy()
	return p, nil
}

// copy ends with the pipe's last writer or, if the process has ended, when all is
// written that was printed until then. What can't be written is lost, as with a
// terminal: there is no way to report it to the process.
func (p *outputPipe) copy() {
	defer close(p.done)
	rtstart.Unpin()
	buf := make([]byte, 64<<10)
	ended, left := false, 1<<20 // how much may still come then
	for {
		n, err := retry.Read(p.r, buf)
		if ended {
			left -= n
		}
		switch {
		case n > 0 && left > 0:
			for rest := buf[:n]; len(rest) > 0; {
				n, err := retry.Write(p.streams[0], rest)
				if err != nil {
					break
				}
				rest = rest[n:]
			}
		case err != unix.EAGAIN || ended:
			return
		default:
			fds := []unix.PollFd{{Fd: int32(p.r), Events: unix.POLLIN}, {Fd: int32(p.wake), Events: unix.POLLIN}}
			retry.Poll(fds, -1)
			ended = fds[1].Revents != 0
		}
	}
}

// drainStdio waits until all that was printed is written. The process has ended.
func (f *Side) drainStdio() {
	for _, p := range f.pipes {
		p.closeWriter()
		retry.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-p.done
		unix.Close(p.r)
		unix.Close(p.wake)
	}
	f.pipes = nil
}

func (p *outputPipe) closeWriter() {
	if p.w >= 0 {
		unix.Close(p.w)
		p.w = -1
	}
}

// WithPipes calls spawn with the pipes in place of this process's own streams.
func (f *Side) WithPipes(spawn func() error) (err error) {
	for _, p := range f.pipes {
		for _, stream := range p.streams {
			saved, dupErr := unix.FcntlInt(uintptr(stream), unix.F_DUPFD_CLOEXEC, 3)
			if dupErr != nil {
				return os.NewSyscallError("fcntl", dupErr)
			}
			defer func() {
				err = errors.Join(err, os.NewSyscallError("dup3", retry.Dup3(saved, stream, 0)))
				unix.Close(saved)
			}()
			if err := retry.Dup3(p.w, stream, 0); err != nil {
				return os.NewSyscallError("dup3", err)
			}
		}
	}
	return spawn()
}

// pipefs is the magic of the filesystem of pipes without a name.
const pipefs = 0x50495045

// GiveStdio gives pipes to the user of the process. They are the caller's, so they
// are no way to anything but the caller: one that another user has made stays, as do
// files, devices, and fifos, which have a name.
func (f *Side) GiveStdio(s *plan.GiveStdio, uids []specs.LinuxIDMapping) error {
	uid := proc.HostID(uids, s.UID)
	if uid < 0 {
		return nil
	}
	streams := []int{0, 1, 2}
	for _, p := range f.pipes {
		streams = append(streams, p.w)
	}
	for _, fd := range streams {
		var st unix.Stat_t
		var fs unix.Statfs_t
		if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO || int(st.Uid) != os.Geteuid() ||
			retry.Fstatfs(fd, &fs) != nil || fs.Type != pipefs {
			continue
		}
		if err := unix.Fchown(fd, uid, -1); err != nil && err != unix.EPERM {
			return os.NewSyscallError("fchown", err)
		}
	}
	return nil
}
