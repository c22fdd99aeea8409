package initlink

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// A Listener receives each step: of one of the runtime's before it is taken, of one of
// init's once it is done, or, after start, once init has reported it.
type Listener func(process, field, step string)

// Trace collects when each step of a command began and ended. A nil Trace collects nothing.
type Trace struct {
	command, id string
	began       int64 // in nanoseconds since the epoch, as all times here
	steps       []timed
	init        []wire.Span
	pid, inside int // of init, and of the process that it has cloned
	failed      *wire.Failure
	written     bool
	asked       *TraceFiles
}

// timed is a step with its time.
type timed struct {
	pid         int
	field, name string
	wire.Span
	err error
}

// TraceFiles is where the times that each step of a command takes are written: files, see
// [sys.OpenOutput], or "". A listener receives the steps meanwhile.
type TraceFiles struct {
	Events string // in the Trace Event format
	OTLP   string // as OpenTelemetry's spans
	Parent TraceParent
	Step   Listener // may be nil
}

// TraceOutputs are the files, nil if they are not asked for.
type TraceOutputs struct{ Events, OTLP *sys.Output }

// Close closes them.
func (o *TraceOutputs) Close() {
	o.Events.Close()
	o.OTLP.Close()
	*o = TraceOutputs{}
}

// Open finds out whether they can be written.
func (f *TraceFiles) Open() (o TraceOutputs, err error) {
	if f.Events != "" {
		if o.Events, err = sys.OpenOutput(f.Events); err != nil {
			return o, fmt.Errorf("--trace: %w", err)
		}
	}
	if f.OTLP != "" {
		if o.OTLP, err = sys.OpenOutput(f.OTLP); err != nil {
			o.Close()
			return o, fmt.Errorf("--trace-otlp: %w", err)
		}
	}
	return o, nil
}

// NewTrace begins the trace of a command that is about a container, if it is asked for.
func NewTrace(asked *TraceFiles, command, id string) *Trace {
	if asked.Events == "" && asked.OTLP == "" && asked.Step == nil {
		return nil
	}
	return &Trace{command: command, id: id, began: time.Now().UnixNano(), asked: asked}
}

// tell reports a step to the listener.
func (t *Trace) tell(process, field, step string) {
	if t.asked.Step != nil {
		t.asked.Step(process, field, step)
	}
}

// Planning is the name of the first step of commands that have a plan.
const Planning = "read the configuration and make the plan"

// Time times one step of the runtime, which is for a field of config.json or none.
func (t *Trace) Time(field, name string, step func() error) error {
	if t == nil {
		return step()
	}
	t.tell("runtime", field, name)
	begin := time.Now().UnixNano()
	err := step()
	t.steps = append(t.steps, timed{os.Getpid(), field, name, wire.Span{Begin: begin, End: time.Now().UnixNano()}, err})
	return err
}

func (t *Trace) run(item *plan.Item, step func() error) error {
	if t == nil {
		return step()
	}
	return t.Time(item.Field, item.String(), step)
}

// born notes the process that carries out init's half from here on.
func (t *Trace) born(pid int) {
	switch {
	case t == nil:
	case t.pid == 0:
		t.pid, t.inside = pid, pid
	default:
		t.inside = pid
	}
}

// add adds the times of init's next steps of a plan.
func (t *Trace) add(payload []byte, p *plan.Plan) error {
	spans, err := wire.DecodeSpans(payload)
	if err == nil && len(t.init)+len(spans) > wire.MaxSpans {
		err = errors.New("malformed message from init: too many times")
	}
	for i := len(t.init); i < min(len(t.init)+len(spans), len(p.Init)); i++ {
		t.tell("init", p.Init[i].Field, p.Init[i].String())
	}
	t.init = append(t.init, spans...)
	return err
}

// StartWord is what start writes to an init that waits.
func (t *Trace) StartWord() byte {
	if t == nil {
		return wire.Go
	}
	return wire.GoTraced
}

// AddLate adds the times that init has sent to start, and returns the bytes after them.
// call names a kind of step.
func (t *Trace) AddLate(pid int, said []byte, call func(plan.Kind) (field, name string)) (rest []byte, err error) {
	spans, rest, err := wire.DecodeLate(said)
	if err != nil || t == nil {
		return rest, err
	}
	t.born(pid)
	for _, span := range spans {
		field, name := call(plan.Kind(span.Kind))
		t.tell("init", field, name)
		if span.End == 0 {
			span.End = time.Now().UnixNano()
		}
		t.steps = append(t.steps, timed{pid, field, name, span.Span, nil})
	}
	return rest, nil
}

// fail notes which step of init has failed.
func (t *Trace) fail(f *wire.Failure) {
	if t != nil {
		t.failed = f
	}
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

// all lists the steps of both processes whose times are known. What init does under the
// process's filter is part of the loading of that. Of init's steps after ready those of
// run and exec are among them.
func (t *Trace) all(p *plan.Plan) []timed {
	all := t.steps
	pid := t.pid
	for i, span := range t.init {
		if i >= len(p.Init) {
			break
		}
		item := p.Init[i]
		step := timed{pid: pid, field: item.Field, name: item.String(), Span: span}
		if t.failed != nil && t.failed.Step == i {
			step.field, step.err = EntryField(item.Field, t.failed.Fault), t.failed
		}
		if span.End != 0 {
			all = append(all, step)
		}
		if _, ok := item.Step.(*plan.CloneInside); ok {
			pid = t.inside
		}
	}
	return all
}

// Write writes what was collected, once.
func (t *Trace) Write(to *TraceOutputs, p *plan.Plan) error {
	if t == nil || t.written {
		return nil
	}
	t.written = true
	steps := t.all(p)
	if to.Events != nil {
		if err := to.Events.Write(t.events(steps), 0o644); err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
	}
	if to.OTLP == nil {
		return nil
	}
	text, err := t.otlp(steps)
	if err == nil {
		err = to.OTLP.Write(text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("--trace-otlp: %w", err)
	}
	return nil
}

// events is the Trace Event format: a complete event for each step, with times in
// microseconds since the command began.
func (t *Trace) events(steps []timed) []byte {
	w := jsontext.NewWriter("")
	w.Object()
	w.Key("displayTimeUnit").Text("ns")
	w.Key("otherData").Object()
	w.Key("command").Text(t.command)
	w.Key("container").Text(t.id)
	w.Key("began").Text(time.Unix(0, t.began).UTC().Format(time.RFC3339Nano))
	w.End()
	w.Key("traceEvents").Array()
	nameProcess(w, os.Getpid(), "crun-go "+t.command)
	if t.pid != 0 {
		nameProcess(w, t.pid, "init")
	}
	if t.inside != t.pid {
		nameProcess(w, t.inside, "process")
	}
	for i := range steps {
		steps[i].write(w, t.began)
	}
	w.End()
	w.End()
	return append(w.Bytes(), '\n')
}

// nameProcess writes the event that gives a process its name.
func nameProcess(w *jsontext.Writer, pid int, name string) {
	w.Object()
	w.Key("name").Text("process_name")
	w.Key("ph").Text("M")
	w.Key("pid").Int(int64(pid))
	w.Key("args").Object()
	w.Key("name").Text(name)
	w.End()
	w.End()
}

func (s *timed) write(w *jsontext.Writer, began int64) {
	w.Object()
	w.Key("name").Text(s.name)
	w.Key("ph").Text("X")
	w.Key("ts").Float(float64(s.Begin-began) / 1000)
	w.Key("dur").Float(float64(s.End-s.Begin) / 1000)
	w.Key("pid").Int(int64(s.pid))
	w.Key("tid").Int(int64(s.pid))
	w.Key("args").Object()
	if s.field != "" {
		w.Key("field").Text(s.field)
	}
	if s.err != nil {
		w.Key("error").Text(s.err.Error())
		var errno unix.Errno
		if errors.As(s.err, &errno) {
			w.Key("errno").Text(unix.ErrnoName(errno))
		}
	}
	w.End()
	w.End()
}
