package plan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
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

// maybe codes a pointer that may be nil.
func maybe[T any](c *coder, p **T, elem func(*T)) {
	present := *p != nil
	c.flag(&present)
	if !present {
		return
	}
	if c.reading {
		*p = new(T)
	}
	elem(*p)
}

func (c *coder) container(p *Container) {
	c.str(&p.ID)
	c.str(&p.Bundle)
	c.str(&p.Rootfs)
	c.str(&p.OCIVersion)
	var pairs []string
	for k, v := range p.Annotations {
		pairs = append(pairs, k, v)
	}
	c.strs(&pairs)
	if !c.reading || len(pairs) == 0 {
		return
	}
	p.Annotations = make(map[string]string, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		p.Annotations[pair[0]] = pair[len(pair)-1]
	}
}

// AppendInit appends the binary form of what init needs: the container and
// init's steps, without their fields. Init reports a failure by the index of
// the step, and the parent knows the field.
func (p *Plan) AppendInit(dst []byte) ([]byte, error) {
	c := coder{buf: dst}
	c.container(&p.Container)
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
func DecodeInit(data []byte) (Container, []InitStep, error) {
	c := coder{buf: data, reading: true}
	var container Container
	c.container(&container)
	steps := make([]InitStep, c.length(0))
	for i := range steps {
		if c.pos >= len(c.buf) {
			return container, nil, errShort
		}
		steps[i] = newStep(kind(c.buf[c.pos]))
		c.pos++
		if steps[i] == nil {
			return container, nil, errShort
		}
		steps[i].code(&c)
	}
	if c.err == nil && c.pos != len(data) {
		c.err = errShort
	}
	return container, steps, c.err
}
