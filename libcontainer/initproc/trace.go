package initproc

import (
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// begins and ends note the time of the step under way, if somebody wants it.
func (c *container) begins() {
	if c.opening.Trace && c.index < wire.MaxSpans {
		spans[c.index].Begin = raw.Now()
	}
}

func (c *container) ends() {
	if c.opening.Trace && c.index < wire.MaxSpans {
		spans[c.index].End = raw.Now()
	}
}

// tellTrace sends the times of the steps from where it last came to, up to one.
func (c *container) tellTrace(end int) error {
	if !c.opening.Trace {
		return nil
	}
	from := c.told
	c.told = min(end, wire.MaxSpans)
	return c.link.send(wire.Trace, codec.Bytes(spans[from:c.told]), -1)
}

// endTrace sends all times that there are; the step under way has no end. The
// container's filter may let nobody ask for the time.
func (c *container) endTrace() error {
	err := c.tellTrace(c.index + 1)
	c.opening.Trace = false
	return err
}

// failed sends the times up to the step that has failed.
func (c *container) failed() {
	if c.opening.Trace && c.index >= 0 {
		c.ends()
		c.endTrace()
	}
}
