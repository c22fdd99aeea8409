package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// kind identifies a step type in its binary form. Parent and init are always
// the same binary, so the numbers need no stability.
type kind uint8

// errShort means that a plan's binary form ends early or holds a bad length.
var errShort = errors.New("plan: malformed binary form")

// coder moves fields between steps and bytes. A step lists its fields once, in
// its code method, and both directions follow that list.
type coder struct {
	buf     []byte
	pos     int
	reading bool
	err     error
}

func (c *coder) u64(p *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *p)
		return
	}
	v, n := binary.Uvarint(c.buf[c.pos:])
	if n <= 0 {
		c.fail()
		return
	}
	c.pos += n
	*p = v
}

func (c *coder) fail() {
	if c.err == nil {
		c.err = errShort
	}
	c.pos = len(c.buf)
}

// length codes the number of elements of a list. What is read is at most the
// number of bytes left, so a bad length can't make a large allocation.
func (c *coder) length(n int) int {
	v := uint64(n)
	c.u64(&v)
	if c.reading && v > uint64(len(c.buf)-c.pos) {
		c.fail()
		return 0
	}
	return int(v)
}

func (c *coder) u32(p *uint32) {
	v := uint64(*p)
	c.u64(&v)
	*p = uint32(v)
}

func (c *coder) num(p *int) {
	v := uint64(*p) // two's complement: negative numbers survive
	c.u64(&v)
	*p = int(v)
}

func (c *coder) i64(p *int64) {
	v := uint64(*p)
	c.u64(&v)
	*p = int64(v)
}

func (c *coder) flag(p *bool) {
	var v uint64
	if *p {
		v = 1
	}
	c.u64(&v)
	*p = v != 0
}

func (c *coder) str(p *string) {
	n := c.length(len(*p))
	if !c.reading {
		c.buf = append(c.buf, *p...)
		return
	}
	*p = string(c.buf[c.pos : c.pos+n])
	c.pos += n
}

func (c *coder) strs(p *[]string) { list(c, p, c.str) }

// list codes a slice; an empty one is read back as nil.
func list[T any](c *coder, p *[]T, elem func(*T)) {
	n := c.length(len(*p))
	if c.reading {
		*p = nil
		if n > 0 {
			*p = make([]T, n)
		}
	}
	for i := range *p {
		elem(&(*p)[i])
	}
}

// AppendInit appends the binary form of what init needs: its steps, without their
// fields. Init reports a failure by the index of the step, and the parent knows the
// field.
func (p *Plan) AppendInit(dst []byte) ([]byte, error) {
	c := coder{buf: dst}
	c.length(len(p.Init))
	for i, item := range p.Init {
		step, ok := item.Step.(InitStep)
		if !ok {
			return nil, fmt.Errorf("plan: step %d (%s) has no place in init", i, item)
		}
		c.buf = append(c.buf, byte(step.kind()))
		step.code(&c)
	}
	return c.buf, nil
}

// DecodeInit reads what AppendInit wrote.
func DecodeInit(data []byte) ([]InitStep, error) {
	c := coder{buf: data, reading: true}
	steps := make([]InitStep, c.length(0))
	for i := range steps {
		if c.pos >= len(c.buf) {
			return nil, errShort
		}
		steps[i] = newStep(kind(c.buf[c.pos]))
		c.pos++
		if steps[i] == nil {
			return nil, errShort
		}
		steps[i].code(&c)
	}
	if c.err == nil && c.pos != len(data) {
		c.err = errShort
	}
	return steps, c.err
}
