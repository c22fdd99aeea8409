package libcontainer

import (
	"bytes"
	"fmt"
	"time"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// trace collects what Options.Trace asks for. A nil trace collects nothing.
type trace struct{ parent, init []wire.Span }

// run times one step of the parent.
func (t *trace) run(step func() error) error {
	if t == nil {
		return step()
	}
	begin := time.Now().UnixNano()
	err := step()
	t.parent = append(t.parent, wire.Span{Begin: begin, End: time.Now().UnixNano()})
	return err
}

// write writes one JSON object a line: where, field, step, begin and end in
// nanoseconds since the epoch. What init does after ready is not in it.
func (t *trace) write(to *sys.Output, p *plan.Plan) error {
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
