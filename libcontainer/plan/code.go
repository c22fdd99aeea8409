package plan

import (
	"errors"
	"fmt"

	"github.com/crun-go/crun-go/libcontainer/codec"
)

// Kind identifies a step type in its binary form.
type Kind uint8

// errShort means that a plan's binary form ends early or holds a bad length.
var errShort = errors.New("plan: malformed binary form")

// CodeInit writes what init needs: its steps, without their fields. Init reports a
// failure by the index of the step, and the parent knows the field.
func (p *Plan) CodeInit(c *codec.Coder) error {
	n := len(p.Init)
	c.Num(&n)
	for i, item := range p.Init {
		step, ok := item.Step.(InitStep)
		if !ok {
			return fmt.Errorf("plan: step %d (%s) has no place in init", i, item)
		}
		at := c.Begin(uint32(step.InitKind()))
		step.Code(c)
		c.Finish(at)
	}
	return nil
}

// DecodeInit reads what CodeInit wrote.
func DecodeInit(c *codec.Coder) (steps []InitStep, err error) {
	var n int
	c.Num(&n)
	for range n {
		step := newStep(Kind(c.Next().Kind))
		if step == nil || c.Bad() {
			return nil, errShort
		}
		step.Code(c)
		if c.Bad() {
			return nil, errShort
		}
		steps = append(steps, step)
	}
	if !c.End() {
		return nil, errShort
	}
	return steps, nil
}
