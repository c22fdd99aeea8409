package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// errDead is the answer to start if init has died while it waited.
var errDead = errors.New("container process is already dead")

// ErrRunning means that a container was started before.
var ErrRunning = errors.New("cannot start an already running container")

// Start lets a created container's process go. It returns when the process has
// been executed, or with the reason why not. If notify, systemd's socket, is not
// "", it also waits until the container has reported that it is ready. The files of trace get
// the time of each step. warn may be nil.
func (c *Container) Start(notify string, trace *initlink.TraceFiles, warn func(specconv.Warning)) error {
	s := &starter{Container: c, notify: notify, warn: warn, trace: initlink.NewTrace(trace, "start", c.Journal.Container.ID)}
	if s.trace == nil {
		return s.start()
	}
	to, err := trace.Open()
	if err != nil {
		return err
	}
	defer to.Close()
	return errors.Join(s.start(), s.trace.Write(&to, nil))
}

// starter is a start of a container.
type starter struct {
	*Container
	notify string                 // systemd's socket; "": readiness is not waited for
	trace  *initlink.Trace        // nil: none
	warn   func(specconv.Warning) // may be nil
}

func (s *starter) start() error {
	if err := s.Dir.Lock(); err != nil {
		return err
	}
	status, pid, err := s.Status()
	if err != nil {
		return err
	}
	switch status {
	case specs.StateCreated:
	case specs.StateStopped:
		return errors.New("cannot start a container that has stopped")
	case specs.StateRunning:
		return ErrRunning
	default:
		return fmt.Errorf("cannot start a container in the %s state", status)
	}
	if s.notify == "" {
		return s.goOn(pid)
	}
	return s.startService(pid)
}

// goOn lets the process go, and runs the hooks that come after.
func (s *starter) goOn(pid int) error {
	err := s.trace.Time("", "let init go on, and wait until it executes the process", func() error { return s.release() })
	if err != nil || len(s.Journal.Poststart) == 0 {
		return err
	}
	return s.trace.Time("hooks.poststart", "run the poststart hooks", func() error { return s.Poststart(pid, s.warn) })
}

// startService starts a container for which systemd waits.
func (s *starter) startService(pid int) error {
	init, err := s.Journal.Init.Pidfd()
	if err != nil {
		return errDead
	}
	defer unix.Close(init)
	n, err := NewNotifier(s.Dir, s.notify)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("NOTIFY_SOCKET must also be set at create: the container has no way to report that it is ready")
	}
	if err != nil {
		return err
	}
	defer n.Close()
	if err := s.goOn(pid); err != nil {
		return err
	}
	// That may take long, and others may want to stop it, with signals to this
	// process among them.
	sys.CatchSignals()
	sys.PassSignals(init)
	defer sys.Forget(init)
	if err := s.Dir.Unlock(); err != nil {
		return err
	}
	return s.trace.Time("", "wait until the process reports readiness", func() error { return n.Relay(init, pid) })
}

// release lets init, which waits, continue and receives the outcome. A program that execve(2) refuses has been
// started, as far as the caller is concerned: it ends at once, and has said why on its own standard error.
func (s *starter) release() error {
	init, err := s.Journal.Init.Pidfd()
	if errors.Is(err, ErrNotRunning) {
		return errDead
	}
	if err != nil {
		return err
	}
	defer unix.Close(init)
	start, answer, err := s.Dir.OpenFifos()
	if err != nil {
		return err
	}
	defer unix.Close(answer)
	if start >= 0 {
		defer unix.Close(start)
		if _, err := retry.Write(start, []byte{s.trace.StartWord()}); err != nil {
			return &os.PathError{Op: "write", Path: "exec.fifo", Err: err}
		}
	}
	// At the first byte init continues, even if this process is killed. That the fifo is gone
	// says so to others; where it can't be removed init itself does, see Status.
	told := NewGoing(s.Journal.Init, init, s.takesItsTime)
	said, err := told.listen(start, answer, func() { s.Dir.RemoveFifo() })
	if err != nil {
		return err
	}
	if len(said) == 0 {
		return errDead
	}
	word, said := said[0], said[1:]
	if word == wire.GoTraced {
		if said, err = s.trace.AddLate(s.Journal.Init.PID, said, lateName); err != nil {
			return err
		}
	}
	if len(said) == 0 { // only init's report that it continues; then the end: execve closed the fifo, if it was reached
		return HasExecuted(s.Journal.Init, init)
	}
	f, err := wire.DecodeFailure(said)
	if err != nil {
		return err
	}
	failed := &plan.StepError{
		Item: plan.Item{Field: initlink.EntryField(specconv.LastField(f.StepKind), f.Fault)}, Err: f, Root: s.Journal.Container.Rootfs, Whole: f.Whole,
	}
	if !f.Refused {
		// The caller that gets the failure finds the container stopped, and can delete it.
		retry.Readable(init, initlink.EndingTime)
		return failed
	}
	if s.warn != nil {
		s.warn(Refusal(failed))
	}
	return nil
}

// lateName is the field and the name of a step that init takes after start.
func lateName(kind plan.Kind) (field, name string) {
	switch kind {
	case plan.KindHooks:
		name = "run the startContainer hooks"
	case plan.KindSetRlimits:
		name = "set resource limits"
	case plan.KindLoadSeccomp:
		name = "load the seccomp filter"
	case plan.KindExecute:
		name = "execute the process"
	default:
		name = fmt.Sprintf("step of kind %d", kind)
	}
	return specconv.LastField(kind), name
}

// Refusal is a program that execve(2) has refused where no caller waits for it: it is for the log. The process has printed it
// on its own standard error.
func Refusal(e *plan.StepError) specconv.Warning {
	return specconv.Warning{Field: "process.args", Text: e.Error(), Err: e, Must: true}
}

// executeLook is how often it is looked whether init, from which nothing is heard, is
// still init.
const executeLook = time.Second

// executes reports whether execve(2) has given init another name.
func executes(init state.Process) bool {
	st, err := state.ReadStat(init.PID)
	return err == nil && st.Start == init.Start && st.Name != initproc.Created && st.Name != initproc.Started
}

// MayTakeLong reports whether an init that may continue can take any time until it
// executes: because of what the configuration has other programs do.
func MayTakeLong(spec *specs.Spec) bool {
	return spec.Hooks != nil && len(spec.Hooks.StartContainer) > 0 ||
		spec.Linux != nil && spec.Linux.Seccomp != nil && spec.Linux.Seccomp.ListenerPath != ""
}

func (s *starter) takesItsTime() bool {
	spec, err := s.Config()
	return err != nil || MayTakeLong(spec)
}

// takeBack takes back the byte, if init has not read it yet.
func takeBack(start int) bool {
	if start < 0 {
		return true
	}
	n, err := retry.Read(start, make([]byte, 1))
	return err == nil && n == 1
}

// Going is an init that was asked to continue.
type Going struct {
	init  state.Process
	pidfd int
	limit time.Duration // until it has to execute
	free  func() bool   // reports whether it may take longer
}

// NewGoing is for an init, which may take longer than usual if free says so.
func NewGoing(init state.Process, pidfd int, free func() bool) *Going {
	return &Going{init, pidfd, initlink.AnswerTime, free}
}

// listen reads what init answers to its end, or until init is dead. The first byte comes
// at once if init waits: heard is called then. A container that cannot run can be started
// again if the byte could be taken back; else it starts when it can run, as it does after a
// start that was killed after it had written to init.
func (g *Going) listen(start, answer int, heard func()) (said []byte, err error) {
	began := time.Now()
	fds := []unix.PollFd{{Fd: int32(answer), Events: unix.POLLIN}, {Fd: int32(g.pidfd), Events: unix.POLLIN}}
	n, err := retry.Poll(fds, g.limit)
	switch {
	case err != nil:
		return nil, os.NewSyscallError("poll", err)
	case n == 0 && takeBack(start):
		return nil, fmt.Errorf("timed out after %s waiting for init: it does not wait for start, or cannot run", g.limit)
	case n == 0:
		return nil, fmt.Errorf("timed out after %s waiting for init: it has been asked to start, and will when it can run", g.limit)
	}
	for more := fds[0].Revents != 0; more; {
		var buf [4096]byte
		n, err := retry.Read(answer, buf[:])
		switch {
		case err != nil && err != unix.EAGAIN:
			return nil, os.NewSyscallError("read", err)
		case err == nil && n == 0:
			return said, nil
		case n > 0 && len(said) == 0:
			heard()
		}
		if said = append(said, buf[:max(n, 0)]...); len(said) > 64<<10 {
			return nil, errors.New("malformed message from init: too long")
		}
		if more, err = g.Hear(answer, began); err != nil {
			return nil, err
		}
	}
	return said, nil // init is dead, or executes
}

// Hear waits until there is something to read of init, or the end. It returns false if
// neither will come: init is dead, or it executes and a process that can trace it keeps its
// end open.
func (g *Going) Hear(from int, began time.Time) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(from), Events: unix.POLLIN}, {Fd: int32(g.pidfd), Events: unix.POLLIN}}
	for {
		n, err := retry.Poll(fds, min(executeLook, g.limit))
		switch {
		case err != nil:
			return false, os.NewSyscallError("poll", err)
		case fds[0].Revents != 0:
			return true, nil
		case n != 0 || executes(g.init):
			return false, nil
		case time.Since(began) >= g.limit && !g.free():
			return false, fmt.Errorf("timed out after %s: init neither executes the process nor reports why not: is it stopped or traced?", g.limit)
		}
	}
}

// Poststart runs the hooks after the process has started. If one fails, the
// container is stopped and removed (runtime-spec, lifecycle step 9).
func (c *Container) Poststart(pid int, warn func(specconv.Warning)) error {
	if len(c.Journal.Poststart) == 0 {
		return nil
	}
	st := c.Journal.Container.HookState(specs.StateRunning, pid)
	err := sys.FenceFrom(3)
	if err != nil {
		return errors.Join(err, c.Destroy(warn))
	}
	log, err := hookLog(st.Annotations)
	defer closeLog(log)
	sys.CatchSignals()
	if err == nil {
		err = log.Run("poststart", c.Journal.Poststart, plan.AppendState(nil, &st), st.Bundle, os.Environ())
	}
	if err == nil {
		return nil
	}
	var hook *hooks.Error
	if errors.As(err, &hook) {
		err = &plan.StepError{Item: plan.Item{Field: hook.Field()}, Err: err, Whole: true}
	}
	return errors.Join(initlink.Interruption(err), c.Destroy(warn))
}

// errKilled is that init was killed, by a hook of its own say, when it had said that it was
// ready. To the socket that is what execve is.
var errKilled = errors.New("container init was killed (SIGKILL) by someone else before it executed the process; possibly OOM-killed")

// HasExecuted is for an init that has closed its end: it does so when it executes, which
// gives it another name, and when it dies, which leaves it the one that it gave itself.
// Either shows a moment later. Nothing is known of one that was reaped.
func HasExecuted(init state.Process, pidfd int) error {
	for end := time.Now().Add(initlink.EndingTime); time.Now().Before(end); {
		st, err := state.ReadStat(init.PID)
		switch {
		case err != nil:
			return err
		case st.Start != init.Start || st.Name != initproc.Started:
			return nil
		case st.Dead():
			return errKilled
		}
		if _, err := retry.Readable(pidfd, time.Millisecond); err != nil {
			return os.NewSyscallError("poll", err)
		}
	}
	return nil
}
