package initlink

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Run carries out the parent's half of the plan: do carries out one step.
func (i *Init) Run(do func(*plan.Item) error) error {
	for n := range i.Plan.Parent {
		item := &i.Plan.Parent[n]
		if err := i.Trace.run(item, func() error { return do(item) }); err != nil {
			return i.Explain(item, err)
		}
		if err := Interrupted(); err != nil {
			return err
		}
	}
	return nil
}

// Explain says which step failed, unless the error already names its place.
func (i *Init) Explain(item *plan.Item, err error) error {
	var step *plan.StepError
	var field *plan.FieldError
	if errors.As(err, &step) || errors.As(err, &field) {
		return err
	}
	failed := &plan.StepError{Item: *item, Err: err}
	var hook *hooks.Error
	if errors.As(err, &hook) {
		failed.Item.Field, failed.Whole = hook.Field(), true
	}
	return failed
}

// Executed waits until execve has closed the other end of the connection. Until then
// the sealed program is kept open here: the process that closes it last unmounts its
// filesystem, which takes time in the kernel, and the container should not be
// the one to wait for that. hear waits for the next message, or the end; it returns false
// if neither will come and the process executes.
func (i *Init) Executed(hear func() (bool, error)) error {
	for {
		said, err := hear()
		if err != nil {
			return err
		}
		var m wire.Message
		if said {
			m, err = i.Conn.Recv()
		}
		if !said || errors.Is(err, io.EOF) {
			i.Trace.executed()
			return i.closed()
		}
		if err != nil {
			return err
		}
		if m.Kind != wire.Failed && m.Kind != wire.Trace {
			m.Close()
			return fmt.Errorf("unexpected message %d from init", m.Kind)
		}
		if err := i.handle(&m); err != nil {
			return err
		}
	}
}

// spawnError names the field of the namespace that could not be joined, of the mapping
// that could not be made, or of the offset of a clock.
func (l *launch) spawnError(err error) error {
	s := l.step
	if s == nil {
		return err // not create's: there are no fields
	}
	var m *spawn.MapError
	if errors.As(err, &m) {
		field := "linux.uidMappings"
		if m.Groups {
			field = "linux.gidMappings"
		}
		if m.Index >= 0 {
			field += "[" + strconv.Itoa(m.Index) + "]"
		}
		return plan.InField(field, err)
	}
	var e *spawn.JoinError
	if errors.As(err, &e) && e.Join {
		ns := s.Join[e.Index]
		return plan.InField(ns.Field, fmt.Errorf("join %q: %w", ns.Path, err))
	}
	if errors.Is(err, unix.ERANGE) {
		return offsetError(err, s.TimeOffsets)
	}
	return err
}

// offsetError names the clock that an offset moves out of its range.
func offsetError(err error, offsets map[string]specs.LinuxTimeOffset) error {
	const most = (1<<63 - 1) / 1000000000 / 2 // seconds, half of what the kernel's clocks can count
	for _, clock := range [...]struct {
		name string
		id   int32
	}{{"monotonic", unix.CLOCK_MONOTONIC}, {"boottime", unix.CLOCK_BOOTTIME}} {
		offset, ok := offsets[clock.name]
		var now unix.Timespec
		if !ok || unix.ClockGettime(clock.id, &now) != nil || offset.Secs >= -now.Sec && offset.Secs <= most-now.Sec {
			continue
		}
		return plan.InField("linux.timeOffsets."+clock.name, fmt.Errorf("%d seconds: %w: expected %d to %d now, which keep the clock between 0 and %d",
			offset.Secs, err, -now.Sec, most-now.Sec, int64(most)))
	}
	return err
}
