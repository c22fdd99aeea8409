package initlink

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Trace collects when each step began and ended. A nil Trace collects nothing.
type Trace struct{ parent, init []wire.Span }

// run times one step of the parent.
func (t *Trace) run(step func() error) error {
	if t == nil {
		return step()
	}
	begin := time.Now().UnixNano()
	err := step()
	t.parent = append(t.parent, wire.Span{Begin: begin, End: time.Now().UnixNano()})
	return err
}

// add adds the times of init's next steps.
func (t *Trace) add(payload []byte) error {
	spans, err := wire.DecodeSpans(payload)
	if err == nil && len(t.init)+len(spans) > wire.MaxSpans {
		err = errors.New("malformed message from init: too many times")
	}
	t.init = append(t.init, spans...)
	return err
}

// executed ends the last step: that of init which has closed the connection.
func (t *Trace) executed() {
	if t == nil || len(t.init) == 0 {
		return
	}
	if last := &t.init[len(t.init)-1]; last.End == 0 {
		last.End = time.Now().UnixNano()
	}
}

// Write writes one JSON object a line: where, field, step, begin and end in
// nanoseconds since the epoch. What init does under the process's filter is part of the
// loading of that. Of init's steps after ready those of run are in it.
func (t *Trace) Write(to *sys.Output, p *plan.Plan) error {
	if t == nil {
		return nil
	}
	var b bytes.Buffer
	for _, half := range []struct {
		where string
		spans []wire.Span
		items []plan.Item
	}{{"parent", t.parent, p.Parent}, {"init", t.init, p.Init}} {
		for i, span := range half.spans {
			if i >= len(half.items) {
				break
			}
			if span.End == 0 {
				continue
			}
			line := []byte(`{"where":"` + half.where + `","field":`)
			line = jsontext.AppendString(line, half.items[i].Field)
			line = append(line, `,"step":`...)
			line = jsontext.AppendString(line, half.items[i].String())
			fmt.Fprintf(&b, "%s,\"begin\":%d,\"end\":%d}\n", line, span.Begin, span.End)
		}
	}
	if err := to.Write(b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	return nil
}
