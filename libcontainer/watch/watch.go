// Package watch answers the listener of a container's seccomp filter, which reports calls
// instead of answering them itself: to count what is refused, or to record what is used.
//
// What it may do is little. A call that it refuses gets the errno that the profile has for it; one that it
// lets go on is one that the profile allows, or it would not have come here. It reads no memory of the
// container's and opens nothing for it. If it ends, calls that are reported fail with ENOSYS.
package watch

import (
	"os"
	"runtime"
	"sync/atomic"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

// A Job is what is to be heard of.
type Job struct {
	ID      string
	Profile *specs.LinuxSeccomp
	Filter  []unix.SockFilter // compiled from it; nil: none
	Record  bool              // record what is used, and do not count what is refused
	Needs   []seccomp.Need    // of a recorded profile, beside what was used
}

// watcher decides what comes of the calls.
type watcher interface {
	// hear answers a call that waits, and records it if the caller still waits.
	hear(listener int, n *sys.Notification)
	// executed is for when init has executed the container's program.
	executed()
	// limit is how many calls are answered in each period at most; 0: all.
	limit() int
	// result is what is to be written, and what there is to warn of.
	result(*Job) (text []byte, warnings []string)
}

// period is short beside what a person notices, such as a pause of the container, which a call that waits
// holds up.
const period = 100 * time.Millisecond

// A Watch is a listener that is being answered.
type Watch struct {
	job      *Job
	by       watcher
	listener int
	stop     int // eventfd
	done     chan struct{}
}

// Start answers a listener, which it takes over, until End. The pid is init's, which has loaded
// the filter and waits.
func Start(job *Job, listener, init int) (*Watch, error) {
	w := &Watch{job: job, listener: listener, stop: -1, done: make(chan struct{})}
	var err error
	if job.Record {
		w.by, err = newRecorder(job, init)
	} else {
		w.by, err = newCounter(job)
	}
	if err == nil {
		w.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		err = os.NewSyscallError("eventfd2", err)
	}
	if err != nil {
		unix.Close(listener)
		return nil, err
	}
	runtime.GOMAXPROCS(2) // see terminal.Relay
	go func() {
		runtime.LockOSThread() // and never unlock it: the thread ends with this
		rtstart.Unpin()
		defer close(w.done)
		w.answer()
	}()
	return w, nil
}

// Executed is for when init has executed the container's program.
func (w *Watch) Executed() { w.by.executed() }

// End stops answering: calls that wait, and later ones, get ENOSYS. It waits for nothing that the
// container does. It returns what is to be written, and what there is to warn of.
func (w *Watch) End() (text []byte, warnings []string) {
	retry.Write(w.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-w.done
	unix.Close(w.stop)
	unix.Close(w.listener)
	return w.by.result(w.job)
}

// answer answers until it is stopped, or no process is left under the filter.
func (w *Watch) answer() {
	fds := []unix.PollFd{{Fd: int32(w.stop), Events: unix.POLLIN}, {Fd: int32(w.listener), Events: unix.POLLIN}}
	var began time.Time
	for left := 0; ; left-- {
		if limit := w.by.limit(); limit > 0 && left == 0 {
			// What the container has answered here it does not pay for.
			if n, err := retry.Poll(fds[:1], max(time.Until(began.Add(period)), 0)); n > 0 || err != nil {
				return
			}
			began, left = time.Now(), limit
		}
		if _, err := retry.Poll(fds, -1); err != nil || fds[0].Revents != 0 || fds[1].Revents&unix.POLLIN == 0 {
			return
		}
		var n sys.Notification
		switch err := sys.ReceiveNotification(w.listener, &n); err {
		case nil:
			w.by.hear(w.listener, &n)
		case unix.ENOENT:
		default:
			return
		}
	}
}

func callOf(n *sys.Notification) *seccomp.Call {
	return &seccomp.Call{Number: n.NR, Arch: n.Arch, Args: n.Args}
}

// counter counts what the filter refuses.
type counter struct{ *seccomp.Refusals }

func newCounter(job *Job) (watcher, error) {
	refusals, err := seccomp.NewRefusals(job.Profile, job.Filter)
	return counter{refusals}, err
}

func (l counter) executed() {}

// limit is 10000 a second, which takes some percent of a processor.
func (l counter) limit() int { return 1000 }

// hear answers as the profile says.
func (l counter) hear(listener int, n *sys.Notification) {
	c := callOf(n)
	errno := l.Answer(c)
	// A thread that was interrupted calls again.
	if sys.RefuseNotification(listener, n.ID, errno) == nil {
		l.Add(c, errno)
	}
}

// recorder notes what the filter lets through.
type recorder struct {
	*seccomp.Recording
	init  unix.Statx_t // what init executes
	began atomic.Bool  // the container's program has been executed
}

func newRecorder(job *Job, init int) (watcher, error) {
	recording, err := seccomp.NewRecording(job.Profile)
	if err != nil {
		return nil, err
	}
	w := &recorder{Recording: recording}
	return w, executable(init, &w.init)
}

// executable finds out what a process executes. A filesystem is not asked (AT_STATX_DONT_SYNC): the
// server of one of FUSE's may wait for an answer from here, or take as long as it likes.
func executable(pid int, st *unix.Statx_t) error {
	process, err := sys.HostProcess(pid)
	if err != nil {
		return err
	}
	defer process.Close()
	return os.NewSyscallError("statx", unix.Statx(process.FD(), "exe", unix.AT_STATX_DONT_SYNC, unix.STATX_INO, st))
}

// limit is none: there would be little left of the container's speed.
func (w *recorder) limit() int { return 0 }

func (w *recorder) executed() { w.began.Store(true) }

// hear has the call made. What init itself calls is not noted.
func (w *recorder) hear(listener int, n *sys.Notification) {
	own := false
	if !w.began.Load() {
		var st unix.Statx_t
		own = executable(int(n.PID), &st) == nil && st.Ino == w.init.Ino && st.Dev_major == w.init.Dev_major && st.Dev_minor == w.init.Dev_minor
	}
	if sys.ContinueNotification(listener, n.ID) == nil && !own {
		w.Add(callOf(n))
	}
}
