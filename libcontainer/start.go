package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// errDead is the answer to start if init has died while it waited.
var errDead = errors.New("container process is already dead")

// Start lets a created container's process go. It returns when the process has
// been executed, or with the reason why not. If notify, systemd's socket, is not
// "", it also waits until the container has told that it is ready. warn may be
// nil.
func (c *Container) Start(notify string, warn func(specconv.Warning)) error {
	if err := c.dir.Lock(); err != nil {
		return err
	}
	status, pid, err := c.Status()
	if err != nil {
		return err
	}
	switch status {
	case specs.StateCreated:
	case specs.StateStopped:
		return errors.New("cannot start a container that has stopped")
	case specs.StateRunning:
		return errors.New("cannot start an already running container")
	default:
		return fmt.Errorf("cannot start a container in the %s state", status)
	}
	if notify == "" {
		if err := c.release(warn); err != nil {
			return err
		}
		return c.poststart(pid, warn)
	}
	return c.startService(notify, pid, warn)
}

// startService starts a container for which systemd waits.
func (c *Container) startService(notify string, pid int, warn func(specconv.Warning)) error {
	init, err := c.pidfd()
	if err != nil {
		return errDead
	}
	defer unix.Close(init)
	n, err := newNotifier(c.dir, notify)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("NOTIFY_SOCKET is set, and was not when the container was created: it has no way to tell that it is ready")
	}
	if err != nil {
		return err
	}
	defer n.close()
	if err := c.release(warn); err != nil {
		return err
	}
	if err := c.poststart(pid, warn); err != nil {
		return err
	}
	// That may take long, and others may want to stop it, with signals to this
	// process among them.
	sys.CatchSignals()
	sys.PassSignals(init)
	defer sys.Forget(init)
	if err := c.dir.Unlock(); err != nil {
		return err
	}
	return n.relay(init, pid)
}

// release tells init, which waits, to go and hears what becomes of it. A program that execve(2) refuses has been
// started, as far as the caller is concerned: it ends at once, and has said why on its own standard error.
func (c *Container) release(warn func(specconv.Warning)) error {
	init, err := c.pidfd()
	if errors.Is(err, ErrNotRunning) {
		return errDead
	}
	if err != nil {
		return err
	}
	defer unix.Close(init)
	start, answer, err := c.dir.OpenFifos()
	if err != nil {
		return err
	}
	defer unix.Close(answer)
	if start >= 0 {
		defer unix.Close(start)
		if _, err := retry.Write(start, []byte{0}); err != nil {
			return &os.PathError{Op: "write", Path: "exec.fifo", Err: err}
		}
	}
	// Init goes now, even if this process is killed. That the fifo is gone says so to
	// others; where it can't be removed init itself does, see Status.
	said, err := listen(answer, init, func() { c.dir.RemoveFifo() }, c.executes, func() bool { return takeBack(start) })
	if err != nil {
		return err
	}
	if len(said) == 0 {
		return errDead
	}
	if len(said) == 1 { // init's "I go"; then the end: execve closed the fifo, if it came to that
		return hasExecuted(c.journal.Init, init)
	}
	f, err := wire.DecodeFailure(said[1:])
	if err != nil {
		return err
	}
	failed := &plan.StepError{
		Item: plan.Item{Field: entryField(specconv.LastField(f.StepKind), f.Fault)}, Err: f, Root: c.journal.Container.Rootfs, Whole: f.Whole,
	}
	if !f.Refused {
		// Who is told of the failure finds the container stopped, and may delete it.
		retry.Readable(init, endingTime)
		return failed
	}
	if warn != nil {
		warn(refusal(failed))
	}
	return nil
}

// refusal is a program that execve(2) has refused where nobody waits for it: for who reads the log. The process has said it
// on its own standard error.
func refusal(e *plan.StepError) specconv.Warning {
	return specconv.Warning{Field: "process.args", Text: e.Error(), Err: e, Must: true}
}

// executeLook is how often start looks whether init, from which it hears nothing, is
// still init.
const executeLook = time.Second

// executes reports whether execve(2) has given init another name.
func (c *Container) executes() bool {
	st, alive, err := c.living()
	return err == nil && alive && st.Name != initproc.Created && st.Name != initproc.Started
}

// takeBack takes the word back that init has not read yet, if it is so.
func takeBack(start int) bool {
	if start < 0 {
		return true
	}
	n, err := retry.Read(start, make([]byte, 1))
	return err == nil && n == 1
}

// listen reads what init answers to its end, or until init is dead. The first word comes
// at once if init waits, and a container that is not let run may be tried again if
// takeBack says that it was not told. At the first word heard is called. Who may trace
// init can keep its end of the fifo: then executes tells that nothing more will be said.
func listen(fifo, init int, heard func(), executes, takeBack func() bool) ([]byte, error) {
	var said []byte
	limit := answerTime
	for {
		fds := []unix.PollFd{{Fd: int32(fifo), Events: unix.POLLIN}, {Fd: int32(init), Events: unix.POLLIN}}
		n, err := retry.Poll(fds, limit)
		if err != nil {
			return nil, os.NewSyscallError("poll", err)
		}
		if n == 0 && len(said) > 0 {
			if executes() {
				return said, nil
			}
			continue
		}
		if n == 0 && !takeBack() {
			continue
		}
		if n == 0 {
			return nil, fmt.Errorf("no word from init for %s: it does not wait for a start, or is not let run", answerTime)
		}
		if fds[0].Revents == 0 {
			return said, nil // init is dead
		}
		var buf [4096]byte
		n, err = retry.Read(fifo, buf[:])
		switch {
		case err == unix.EAGAIN:
			continue
		case err != nil:
			return nil, os.NewSyscallError("read", err)
		case n == 0:
			return said, nil
		}
		if len(said) == 0 {
			heard()
			limit = executeLook
		}
		if said = append(said, buf[:n]...); len(said) > 64<<10 {
			return nil, errors.New("malformed message from init: too long")
		}
	}
}

// poststart runs the hooks after the process has started. If one fails, the
// container is stopped and removed (runtime-spec, lifecycle step 9).
func (c *Container) poststart(pid int, warn func(specconv.Warning)) error {
	if len(c.journal.Poststart) == 0 {
		return nil
	}
	st := c.journal.Container.HookState(specs.StateRunning, pid)
	err := fencePreserved(0)
	if err != nil {
		return errors.Join(err, c.destroy(warn))
	}
	log, err := hookLog(st.Annotations)
	defer closeLog(log)
	sys.CatchSignals()
	if err == nil {
		err = log.Run("poststart", c.journal.Poststart, plan.AppendState(nil, &st), st.Bundle, os.Environ())
	}
	if err == nil {
		return nil
	}
	var hook *hooks.Error
	if errors.As(err, &hook) {
		err = &plan.StepError{Item: plan.Item{Field: hookField(hook)}, Err: err, Whole: true}
	}
	return errors.Join(interruption(err), c.destroy(warn))
}
