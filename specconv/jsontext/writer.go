package jsontext

import (
	"math"
	"slices"
	"strconv"
)

// A Writer builds one JSON text in memory, with the bytes that encoding/json would write: same escapes, same layout of
// empty and indented values, no newline at the end. Fields keep the order they are written in.
//
// The caller keeps the text well formed: in an object each value is preceded by its [Writer.Key], and every
// [Writer.Object] and [Writer.Array] is closed by a [Writer.End].
//
// Its methods are called in long rows, one for each field there is, and are not inlined there: that would make the program
// larger by 3 %.
type Writer struct {
	buf      []byte
	indent   string
	closers  []byte // closing brackets of the objects and arrays being written, outermost first
	empty    bool   // nothing was written yet inside the innermost one
	afterKey bool
}

// NewWriter returns a writer that puts every field and element on a line of its own, indented by indent for each level;
// with an empty indent it writes one line without any space.
func NewWriter(indent string) *Writer {
	return &Writer{indent: indent}
}

// Bytes returns the text written so far. It is valid until the next write.
func (w *Writer) Bytes() []byte { return w.buf }

// Object begins an object.
//
//go:noinline
func (w *Writer) Object() { w.open('{', '}') }

// Array begins an array.
//
//go:noinline
func (w *Writer) Array() { w.open('[', ']') }

// End closes the innermost object or array.
//
//go:noinline
func (w *Writer) End() {
	last := len(w.closers) - 1
	closer := w.closers[last]
	w.closers = w.closers[:last]
	if !w.empty {
		w.newline()
	}
	w.empty = false
	w.buf = append(w.buf, closer)
}

// Key writes the key of the value that is written next. It returns the writer: w.Key("pid").Int(1).
//
//go:noinline
func (w *Writer) Key(key string) *Writer {
	w.separate()
	w.buf = append(AppendString(w.buf, key), ':')
	if w.indent != "" {
		w.buf = append(w.buf, ' ')
	}
	w.afterKey = true
	return w
}

// Text writes a string.
//
//go:noinline
func (w *Writer) Text(s string) {
	w.separate()
	w.buf = AppendString(w.buf, s)
}

// Int writes a whole number.
//
//go:noinline
func (w *Writer) Int(n int64) {
	w.separate()
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// Uint writes a whole number that is not negative.
//
//go:noinline
func (w *Writer) Uint(n uint64) {
	w.separate()
	w.buf = strconv.AppendUint(w.buf, n, 10)
}

// Float writes a number, the shortest that reads back as f, with an exponent where ECMAScript would use one. JSON has no
// infinities and no NaN: they are written as null.
func (w *Writer) Float(f float64) {
	w.separate()
	if math.IsInf(f, 0) || math.IsNaN(f) {
		w.buf = append(w.buf, "null"...)
		return
	}
	if a := math.Abs(f); a == 0 || 1e-6 <= a && a < 1e21 {
		w.buf = strconv.AppendFloat(w.buf, f, 'f', -1, 64)
		return
	}
	w.buf = strconv.AppendFloat(w.buf, f, 'e', -1, 64)
	// strconv writes two digits at least: e-09 becomes e-9.
	if n := len(w.buf); w.buf[n-4] == 'e' && w.buf[n-3] == '-' && w.buf[n-2] == '0' {
		w.buf = append(w.buf[:n-2], w.buf[n-1])
	}
}

// Bool writes true or false.
//
//go:noinline
func (w *Writer) Bool(b bool) {
	w.separate()
	w.buf = strconv.AppendBool(w.buf, b)
}

// Null writes null.
//
//go:noinline
func (w *Writer) Null() {
	w.separate()
	w.buf = append(w.buf, "null"...)
}

// Texts writes an array of strings.
//
//go:noinline
func (w *Writer) Texts(list []string) {
	w.Array()
	for _, s := range list {
		w.Text(s)
	}
	w.End()
}

// TextMap writes an object of strings, keys in byte order.
func (w *Writer) TextMap(m map[string]string) {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	w.Object()
	for _, key := range keys {
		w.Key(key).Text(m[key])
	}
	w.End()
}

func (w *Writer) open(bracket, closer byte) {
	w.separate()
	w.buf = append(w.buf, bracket)
	w.closers = append(w.closers, closer)
	w.empty = true
}

// separate writes what must stand before a key, or before a value that has none.
func (w *Writer) separate() {
	if w.afterKey || len(w.closers) == 0 {
		w.afterKey = false
		return
	}
	if !w.empty {
		w.buf = append(w.buf, ',')
	}
	w.empty = false
	w.newline()
}

func (w *Writer) newline() {
	if w.indent == "" {
		return
	}
	w.buf = append(w.buf, '\n')
	for range w.closers {
		w.buf = append(w.buf, w.indent...)
	}
}
