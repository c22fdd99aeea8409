package wire

import (
	"encoding/binary"
	"io"
)

// Span is when a step began and ended: CLOCK_REALTIME in nanoseconds, because
// that is the same clock in every time namespace.
type Span struct{ Begin, End int64 }

// AppendSpans appends the payload of a Trace frame: the spans of the plan's
// first steps.
func AppendSpans(b []byte, spans []Span) []byte {
	for _, s := range spans {
		b = binary.AppendVarint(b, s.Begin)
		b = binary.AppendVarint(b, s.End)
	}
	return b
}

// DecodeSpans reads what AppendSpans wrote.
func DecodeSpans(b []byte) ([]Span, error) {
	var spans []Span
	for len(b) > 0 {
		begin, n := binary.Varint(b)
		if n <= 0 {
			return nil, io.ErrUnexpectedEOF
		}
		end, m := binary.Varint(b[n:])
		if m <= 0 {
			return nil, io.ErrUnexpectedEOF
		}
		spans, b = append(spans, Span{begin, end}), b[n+m:]
	}
	return spans, nil
}
