package initlink

import (
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// otlp writes steps as a request of OpenTelemetry's protocol, in its JSON form
// (https://opentelemetry.io/docs/specs/otlp): ids in hexadecimal digits, 64-bit numbers as
// strings. The command is a span, and each step is one below it.
func (t *Trace) otlp(steps []timed) ([]byte, error) {
	ids := make([]byte, 16+8*(1+len(steps)))
	if _, err := retry.Getrandom(ids); err != nil {
		return nil, os.NewSyscallError("getrandom", err)
	}
	s := spanWriter{w: jsontext.NewWriter(""), trace: t.asked.Parent.Trace, state: t.asked.Parent.State, sampled: t.asked.Parent.Trace == "" || t.asked.Parent.Sampled}
	if s.trace == "" {
		s.trace = hex.EncodeToString(ids[:16])
	}
	ids = ids[16:]
	s.w.Object()
	s.w.Key("resourceSpans").Array()
	s.w.Object()
	s.w.Key("resource").Object()
	s.attributes([2]string{"service.name", "crun-go"}, [2]string{"container.id", t.id})
	s.w.End()
	s.w.Key("scopeSpans").Array()
	s.w.Object()
	s.w.Key("scope").Object()
	s.w.Key("name").Text("crun-go")
	s.w.End()
	s.w.Key("spans").Array()
	root := hex.EncodeToString(ids[:8])
	whole := timed{pid: os.Getpid(), name: "crun-go " + t.command}
	whole.Begin, whole.End = t.began, time.Now().UnixNano()
	for i := range steps {
		if whole.err == nil {
			whole.err = steps[i].err
		}
	}
	s.span(root, t.asked.Parent.Span, &whole)
	for i := range steps {
		s.span(hex.EncodeToString(ids[8*(i+1):8*(i+2)]), root, &steps[i])
	}
	for range 3 {
		s.w.End()
		s.w.End()
	}
	return append(s.w.Bytes(), '\n'), nil
}

// spanWriter writes the spans of one trace.
type spanWriter struct {
	w            *jsontext.Writer
	trace, state string
	sampled      bool
}

func (s *spanWriter) span(id, parent string, step *timed) {
	w := s.w
	w.Object()
	w.Key("traceId").Text(s.trace)
	w.Key("spanId").Text(id)
	if s.state != "" {
		w.Key("traceState").Text(s.state)
	}
	if parent != "" {
		w.Key("parentSpanId").Text(parent)
	}
	if s.sampled {
		w.Key("flags").Int(1)
	}
	w.Key("name").Text(step.name)
	w.Key("kind").Int(1) // internal
	w.Key("startTimeUnixNano").Text(strconv.FormatInt(step.Begin, 10))
	w.Key("endTimeUnixNano").Text(strconv.FormatInt(step.End, 10))
	more := [][2]string{{"process.pid", strconv.Itoa(step.pid)}}
	if step.field != "" {
		more = append(more, [2]string{"oci.field", step.field})
	}
	var errno unix.Errno
	if errors.As(step.err, &errno) {
		more = append(more, [2]string{"error.type", unix.ErrnoName(errno)})
	}
	s.attributes(more...)
	if step.err != nil {
		w.Key("status").Object()
		w.Key("code").Int(2) // error
		w.Key("message").Text(step.err.Error())
		w.End()
	}
	w.End()
}

// attributes writes names and values; the one of process.pid is a number.
func (s *spanWriter) attributes(list ...[2]string) {
	w := s.w
	w.Key("attributes").Array()
	for _, a := range list {
		kind := "stringValue"
		if a[0] == "process.pid" {
			kind = "intValue"
		}
		w.Object()
		w.Key("key").Text(a[0])
		w.Key("value").Object()
		w.Key(kind).Text(a[1])
		w.End()
		w.End()
	}
	w.End()
}
