package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/early"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// endingTime is how long a process may take to be dead that has closed its end of the
// connection because it ends.
const endingTime = time.Second

// lost finds out why init is gone without a word. It may have said why before it went.
func (c *creation) lost(cause error) error {
	if !errors.Is(cause, io.EOF) && !errors.Is(cause, unix.EPIPE) && !errors.Is(cause, unix.ECONNRESET) {
		return cause
	}
	init := c.init
	c.init = nil
	defer init.Kill()
	defer c.endProgress()
	ended, err := retry.Readable(init.PidFD, endingTime)
	if err == nil && !ended {
		// The connection is broken, and init is well. It ends of that, and takes back
		// what it has done if it is a visitor.
		init.Conn.Finish()
		_, err = retry.Readable(init.PidFD, endingTime)
		err = errors.Join(fmt.Errorf("the connection to init, which lives, is broken: %w", cause), err)
	}
	if err != nil {
		return err
	}
	for {
		if said, err := retry.Readable(init.Conn.FD(), 0); err != nil || !said {
			break
		}
		m, err := init.Conn.Recv()
		if errors.Is(err, unix.EAGAIN) { // it is there to be read, though
			m, err = init.Conn.Recv()
		}
		if err != nil {
			break
		}
		m.Close()
		switch m.Kind {
		case wire.Failed:
			return c.failed(m.Payload)
		case wire.SpawnFailed:
			return c.spawnFailed(m.Payload)
		}
	}
	status, err := init.Wait()
	if err != nil {
		return err
	}
	return c.at(c.progress.Step(), c.died(status, cause))
}

// died tells why init has ended without a word.
func (c *creation) died(status unix.WaitStatus, cause error) error {
	if c.cgroup != nil {
		// What runs in the container may have been OOM-killed before.
		mayBe := status.Signal() == unix.SIGKILL || c.progress.Step() < 0
		if kills, err := c.cgroup.OOMKills(); mayBe && err == nil && kills > 0 {
			return errors.New("container init was OOM-killed (memory limit too low?)")
		}
		if room, err := c.cgroup.PidsRoom(); err == nil && room < roomForInit && status.Exited() && !early.Bare() {
			return fmt.Errorf("container init could not make the threads that it needs to start, %d: pids.max of its cgroup, or of one above, leaves room for %d", roomForInit, room)
		}
	}
	switch {
	case status.Signaled() && status.Signal() == unix.SIGSYS:
		return errors.New("container init was killed by its seccomp filter before it could execute the process")
	case status.Signaled() && status.Signal() == unix.SIGKILL:
		return errors.New("container init was killed (SIGKILL) by someone else; possibly OOM-killed")
	case status.Signaled():
		return fmt.Errorf("container init was ended by signal %d (%s)", status.Signal(), unix.SignalName(status.Signal()))
	}
	err := fmt.Errorf("container init exited with status %d and said nothing", status.ExitStatus())
	if errors.Is(cause, unix.ECONNRESET) { // nor heard all
		err = fmt.Errorf("%w: %w", err, unix.ECONNRESET)
	}
	return err
}

// at is an error at a step of init's, by an index that need not be one's.
func (c *creation) at(step int, err error) *plan.StepError {
	e := &plan.StepError{Err: err}
	if step >= 0 && step < len(c.plan.Init) {
		e.Item = c.plan.Init[step]
	}
	return e
}

// failedAt is init's failure, at its step.
func (c *creation) failedAt(f *wire.Failure) *plan.StepError {
	e := c.at(f.Step, f)
	e.Root = c.journal.Container.Rootfs
	e.Item.Field = entryField(e.Item.Field, f.Fault)
	e.Whole = f.Whole
	return e
}

// entryField is a step's field, or the entry of it that has failed.
func entryField(field string, f *fault.Fault) string {
	if field == "" || f.Entry == 0 {
		return field
	}
	return fmt.Sprintf("%s[%d]", field, f.Entry-1)
}

// endProgress is for when init tells no longer where it is.
func (c *creation) endProgress() {
	c.progress.Close()
	c.progress = nil
}
