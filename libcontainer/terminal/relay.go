package terminal

import (
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Relay connects a container's terminal with the standard streams of this
// process, which need not be a terminal: what comes in on 0 is typed, what the
// container prints goes out on 1.
type Relay struct {
	master  int
	slave   int           // see NewRelay
	streams [3]int        // 0, 1, 2
	wake    int           // eventfd: something has changed, look
	closing atomic.Bool   // what has changed: no more is wanted
	tty     bool          // stream 0 is a terminal
	before  *unix.Termios // its settings before it was made raw; nil: it was not
	done    chan error    // the copying has ended; nil: it was not begun
	quiet   func()        // stops what wakes
}

// NewRelay takes over a master.
func NewRelay(master int) (*Relay, error) { return newRelay(master, [3]int{0, 1, 2}) }

func newRelay(master int, streams [3]int) (*Relay, error) {
	r := &Relay{master: master, slave: -1, streams: streams, wake: -1}
	err := os.NewSyscallError("fcntl", unix.SetNonblock(master, true))
	if err == nil {
		err = fault.Call("ioctl TCSETS", raw.PlainLines(master)) // for a restored terminal; init has done it to its own
	}
	if err == nil {
		// A container can close its terminal and open it again, as systemd does
		// with /dev/console. Held open here, it does not report its end then.
		r.slave, err = sys.TerminalPeer(master)
	}
	if err == nil {
		r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		err = os.NewSyscallError("eventfd2", err)
	}
	if err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// Start begins to copy, until the process of init has ended and what it printed
// is written. Stream 0, if it is a terminal, is made raw: every key, ^C too, is
// for the container. It has its old settings back after Close. In the background
// it is left alone, until this process comes to the foreground.
func (r *Relay) Start(init int) error {
	_, err := unix.IoctlGetTermios(r.streams[0], unix.TCGETS)
	r.tty = err == nil
	if err := r.makeRaw(); err != nil {
		return err
	}
	// The size may have changed since Size read it.
	r.quiet = sys.NotifyResize(r.wake)
	r.resize()
	r.done = make(chan error, 1)
	// Two threads wait in the kernel; with one processor (package rtstart) the second
	// would begin when Go notices that the first does.
	runtime.GOMAXPROCS(2)
	go func() {
		// A reader that has gone is noticed by EPIPE. The thread keeps its mask and
		// ends with the goroutine.
		runtime.LockOSThread()
		rtstart.Unpin()
		unix.PthreadSigmask(unix.SIG_BLOCK, signals(unix.SIGPIPE), nil)
		r.done <- (&copying{Relay: r, init: init}).run()
	}()
	return nil
}

// Close ends the relay and gives stream 0 its settings back. If init has ended
// it waits until all that was printed is written. To close twice does no harm.
func (r *Relay) Close() error {
	var err error
	if r.done != nil {
		r.closing.Store(true)
		retry.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		err = <-r.done
		r.quiet()
		r.done = nil
	}
	if r.before != nil {
		setTermios(r.streams[0], r.before) // an error: it is gone
		r.before = nil
	}
	r.release()
	return err
}

func (r *Relay) release() {
	r.hangUp()
	if r.wake >= 0 {
		unix.Close(r.wake)
		r.wake = -1
	}
}

// hangUp closes the terminal, on which the kernel sends the container SIGHUP.
func (r *Relay) hangUp() {
	for _, fd := range []*int{&r.slave, &r.master} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// Size is the size of this process's own terminal: that of the first standard
// stream that is one. Without any it is 0, 0.
func Size() (columns, rows uint16) {
	size := sizeOf([3]int{0, 1, 2})
	return size.Col, size.Row
}

func sizeOf(streams [3]int) (size unix.Winsize) {
	for _, fd := range streams {
		if s, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
			return *s
		}
	}
	return size
}

// resize gives the container's terminal the size of the caller's.
func (r *Relay) resize() {
	if size := sizeOf(r.streams); size.Col != 0 || size.Row != 0 {
		unix.IoctlSetWinsize(r.master, unix.TIOCSWINSZ, &size)
	}
}

// makeRaw makes the caller's terminal raw, again if it has to: after a stop, the
// shell has put back its own settings. In the background the terminal is the
// shell's, and nothing is done to it.
func (r *Relay) makeRaw() error {
	if !r.tty {
		return nil
	}
	now, err := unix.IoctlGetTermios(r.streams[0], unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("ioctl TCGETS", err)
	}
	if group, err := unix.IoctlGetInt(r.streams[0], unix.TIOCGPGRP); err == nil && group != unix.Getpgrp() {
		return nil
	}
	if r.before == nil {
		r.before = now
	}
	return setTermios(r.streams[0], rawMode(now))
}

// rawMode is what cfmakeraw(3) makes of settings, but for OPOST: what this process and others print there goes on to begin
// at the left, and the container's lines end in no CR of their own (see plan.Console).
func rawMode(t *unix.Termios) *unix.Termios {
	made := *t
	made.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	made.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	made.Cflag = made.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	made.Cc[unix.VMIN], made.Cc[unix.VTIME] = 1, 0
	return &made
}

// setTermios changes settings also from the background, where SIGTTOU would
// stop the process.
func setTermios(fd int, t *unix.Termios) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, signals(unix.SIGTTOU), &before); err != nil {
		return os.NewSyscallError("rt_sigprocmask", err)
	}
	err := unix.IoctlSetTermios(fd, unix.TCSETS, t)
	unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	return os.NewSyscallError("ioctl TCSETS", err)
}

// signals is a set with one member, of those below 32.
func signals(s unix.Signal) *unix.Sigset_t {
	var set unix.Sigset_t
	set.Val[0] = 1 << (s - 1)
	return &set
}
