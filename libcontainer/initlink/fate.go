package initlink

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// EndingTime is how long a process may take to be dead that has closed its end of the
// connection because it ends.
const EndingTime = time.Second

// RoomForInit is how many processes and threads init, the process it clones and, until
// init has come to its end, what that process makes at once need. It includes the
// threads of Go's runtime, for an init that has it.
const RoomForInit = 10

// Lost finds out why init has exited without a report, as cause shows. It may have sent
// a reason before.
func (i *Init) Lost(cause error) error {
	if !errors.Is(cause, io.EOF) && !errors.Is(cause, unix.EPIPE) && !errors.Is(cause, unix.ECONNRESET) {
		return cause
	}
	init := i.Process
	i.Process = nil
	defer init.Kill()
	defer i.EndProgress()
	ended, err := retry.Readable(init.PidFD, EndingTime)
	if err == nil && !ended {
		// The connection is broken, and init is well. It ends of that, and takes back
		// what it has done if it is a helper that changes mounts.
		init.Conn.Finish()
		_, err = retry.Readable(init.PidFD, EndingTime)
		err = errors.Join(fmt.Errorf("the connection to init, which lives, is broken: %w", cause), err)
	}
	if err != nil {
		return err
	}
	if err := i.lastWords(init.Conn); err != nil {
		return err
	}
	status, err := init.Wait()
	if err != nil {
		return err
	}
	return i.At(i.died(status, cause))
}

// At is an error at the step that init is or was at, as far as that is known.
func (i *Init) At(err error) error { return i.at(i.progress.Step(), err) }

// closed is for a process of exec's that says nothing more: it executes, or it was killed
// before it came to that.
func (i *Init) closed() error {
	if step := i.progress.Step(); 0 <= step && step < len(i.Plan.Init)-1 {
		return i.Lost(io.EOF)
	}
	i.Unseal()
	return nil
}

// lastWords is the failure that an init has reported before it exited; nil: none.
func (i *Init) lastWords(conn wire.Conn) error {
	for {
		if said, err := retry.Readable(conn.FD(), 0); err != nil || !said {
			return nil
		}
		m, err := conn.Recv()
		if errors.Is(err, unix.EAGAIN) { // it is there to be read, though
			m, err = conn.Recv()
		}
		if err != nil {
			return nil
		}
		switch m.Kind {
		case wire.Failed, wire.SpawnFailed:
			return i.handle(&m)
		case wire.Trace:
			if err := i.handle(&m); err != nil {
				return err
			}
		}
		m.Close()
	}
}

// died returns why init has exited without a report.
func (i *Init) died(status unix.WaitStatus, cause error) error {
	if group := i.Owner.Cgroup(); group != nil {
		// What runs in the container may have been OOM-killed before.
		mayBe := status.Signal() == unix.SIGKILL || i.progress.Step() < 0
		if kills, err := group.OOMKills(); mayBe && err == nil && kills > 0 {
			return errors.New("container init was OOM-killed (memory limit too low?)")
		}
		if room, err := group.PidsRoom(); err == nil && room < RoomForInit && status.Exited() && !rtstart.Bare() {
			return fmt.Errorf("container init could not make the threads that it needs to start, %d: pids.max of its cgroup, or of one above, leaves room for %d", RoomForInit, room)
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
func (i *Init) at(step int, err error) *plan.StepError {
	e := &plan.StepError{Err: err}
	if step >= 0 && step < len(i.Plan.Init) {
		e.Item = i.Plan.Init[step]
	}
	return e
}

// Failed turns init's failure into an error that names the step and its field.
func (i *Init) Failed(payload []byte) error {
	f, err := wire.DecodeFailure(payload)
	if err != nil {
		return err
	}
	i.Trace.fail(f)
	e := i.at(f.Step, f)
	e.Item.Field = EntryField(e.Item.Field, f.Fault)
	e.Root, e.Whole = i.Root, f.Whole
	if _, ok := e.Item.Step.(*plan.FindExecutable); ok {
		// Engines and their users know these words of runc's.
		e.Err = fmt.Errorf("unable to start container process: %w", f)
	}
	return e
}

// EntryField is a step's field, or the entry of it that has failed.
func EntryField(field string, f *fault.Fault) string {
	if field == "" || f.Entry == 0 {
		return field
	}
	return fmt.Sprintf("%s[%d]", field, f.Entry-1)
}
