package initproc

import (
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// begins and ends note the time of the current step, if it is asked for.
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
	if c.started {
		return c.tellStart(end)
	}
	from := c.told
	c.told = min(end, wire.MaxSpans)
	return c.link.send(wire.Trace, codec.Bytes(spans[from:c.told]), -1)
}

// traceStart begins to note times once more, for start. Where the container's filter is
// loaded already it may refuse to return the time.
func (c *container) traceStart(word byte) (answer byte) {
	if word != wire.GoTraced || c.link.plain {
		return wire.Go
	}
	c.opening.Trace, c.told = true, c.index+1
	return wire.GoTraced
}

// tellStart sends start the times of the steps that init took since, up to one.
func (c *container) tellStart(end int) error {
	n := 0
	at := c.steps
	at.Seek(c.first)
	for i := c.base; i < min(end, wire.MaxSpans) && n < wire.MaxLate; i++ {
		head := at.Next()
		if i >= c.told {
			late[n] = wire.LateSpan{Kind: uint64(head.Kind), Span: spans[i]}
			n++
		}
		at.Skip(head)
	}
	said[0] = byte(n)
	size := 1 + copy(said[1:], codec.Bytes(late[:n]))
	_, errno := raw.Write(c.answer, said[:size])
	return fault.Call("write", errno)
}

// endTrace sends all times that there are; the step under way has no end. The
// container's filter may refuse to return the time.
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
