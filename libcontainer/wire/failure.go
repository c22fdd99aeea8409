package wire

import (
	"fmt"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Failure is a failed step of init, as it crosses the process boundary.
type Failure struct {
	Step     int       // index in the plan's init half; -1: outside any step
	StepKind plan.Kind // of that step, for a receiver without the plan
	*fault.Fault
	Undo *fault.Fault // why what was done before could not be taken back, if it could not
}

func (f *Failure) Error() string {
	if f.Undo == nil {
		return f.Fault.Error()
	}
	return fmt.Sprintf("%v (and it could not be taken back: %v)", f.Fault, f.Undo)
}

// Unwrap returns why the step failed.
func (f *Failure) Unwrap() error { return f.Fault }

// Code lists what is sent.
func (f *Failure) Code(c *codec.Coder) {
	c.Num(&f.Step)
	kind := uint32(f.StepKind)
	c.U32(&kind)
	f.StepKind = plan.Kind(kind)
	f.Fault.Code(c)
	more := f.Undo != nil
	if c.Flag(&more); more {
		f.Undo.Code(c)
	}
}

// DecodeFailure reads a failure, of which nothing is believed but its form.
func DecodeFailure(b []byte) (*Failure, error) {
	message := codec.Aligned(len(b))
	copy(message, b)
	c := codec.Reader(message)
	f := &Failure{Fault: new(fault.Fault), Undo: new(fault.Fault)}
	f.Code(&c)
	if f.Undo.Text == "" {
		f.Undo = nil
	}
	if !c.End() || f.Entry < 0 || f.Entry > maxEntry {
		return nil, fmt.Errorf("malformed failure message: %d bytes", len(b))
	}
	return f, nil
}

// maxEntry bounds Entry: no list in config.json has more.
const maxEntry = 1 << 20
