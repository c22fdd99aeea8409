package wire

import (
	"io"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Span is when a step began and ended: CLOCK_REALTIME in nanoseconds, because
// that is the same clock in every time namespace.
type Span struct{ Begin, End int64 }

// MaxSpans is of how many steps there may be times.
const MaxSpans = 4096

// DecodeSpans reads the payload of a Trace message: the spans of the plan's first
// steps.
func DecodeSpans(b []byte) ([]Span, error) {
	spans := codec.Values[Span](b)
	if len(spans)*16 != len(b) {
		return nil, io.ErrUnexpectedEOF
	}
	return spans, nil
}
