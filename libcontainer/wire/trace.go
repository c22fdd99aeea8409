package wire

import (
	"io"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Span is when a step began and ended: CLOCK_REALTIME in nanoseconds, because
// that is the same clock in every time namespace.
type Span struct{ Begin, End int64 }

// Start writes one byte to an init that waits, which answers with one: whether times are
// wanted, and whether they will follow.
const (
	Go       = 0
	GoTraced = 1
)

// A LateSpan is when a step began and ended that init took after start, for a receiver without the plan.
type LateSpan struct {
	Kind uint64 // plan.Kind
	Span
}

// MaxLate is of how many such steps there may be times.
const MaxLate = 16

const lateSize = 24

// DecodeLate reads the spans that stand, after their number, before the rest of
// init's answer to start.
func DecodeLate(b []byte) (spans []LateSpan, rest []byte, err error) {
	if len(b) == 0 {
		return nil, b, nil
	}
	size := 1 + int(b[0])*lateSize
	if b[0] > MaxLate || len(b) < size {
		return nil, nil, io.ErrUnexpectedEOF
	}
	aligned := codec.Aligned(size - 1)
	copy(aligned, b[1:size])
	return codec.Values[LateSpan](aligned), b[size:], nil
}

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
