// Package jsontext reads and writes JSON (RFC 8259) without reflection.
//
// It exists because the start of a container is paid for in page faults: the first use of encoding/json touches its own
// tables and those of every Go type it meets, which costs more than all the other work on a configuration together. Here
// the caller names the fields, a value is read straight into its place, and a string without escapes is a piece of the
// document, not a copy.
//
// A reader pulls; the document's shape is the shape of the code that reads it:
//
//	func hook(r *jsontext.Reader, h *specs.Hook) {
//		for key := range r.Fields() {
//			switch key {
//			case "path":
//				jsontext.Text(r, &h.Path)
//			case "timeout":
//				jsontext.Pointer(r, &h.Timeout, jsontext.Int)
//			}
//		}
//	}
//
//	h, err := jsontext.Decode("hook.json", data, hook)
//
// Where RFC 8259 leaves a choice the reader does what encoding/json does: null leaves a scalar alone and empties a
// pointer, list or map; the last of several equal keys wins, objects and maps being merged; invalid UTF-8 and lone
// surrogates read as U+FFFD; 1e3 is not a whole number. It differs in four ways:
//
//   - keys match exactly, unless Respell gives other spellings
//   - a repeated list replaces the earlier one, instead of being laid over its elements
//   - a document nested deeper than 200 levels is refused (encoding/json: 10000)
//   - the document itself must not be null
package jsontext

import (
	"strconv"
	"strings"
)

// maxDepth bounds nesting, and with it the stack: readers recurse. No configuration comes near.
const maxDepth = 200

// A Reader walks one JSON document from front to back. It keeps the first error; after that every read returns at once
// and without effect, so only the end of the walk needs to look, with [Reader.Close].
type Reader struct {
	scanner
	noted []Span

	// Respell, if not nil, gives an unknown key another spelling to try, "" for none.
	Respell func(key string) string

	unknown  []string // paths of unknown keys
	skipping int      // values within values that are skipped, in which keys mean nothing
}

// A Span is a part of a document: its bytes from Start up to End.
type Span struct{ Start, End int }

// A frame is one object or array being read: where in it the reader is, for the path of an error.
type frame struct {
	key   string // atField
	index int    // atElement
	at    place
}

type place uint8

const (
	between place = iota // at a bracket, a comma or a key
	atField
	atElement
)

// NewReader returns a reader at the start of data. The file name is for errors only. Data is copied once.
func NewReader(file string, data []byte) *Reader {
	r := &Reader{scanner: scanner{file: file, text: string(data), stack: make([]frame, 0, 12)}}
	if strings.HasPrefix(r.text, "\ufeff") {
		// RFC 8259 section 8.1 forbids writing one and lets us refuse it. It is invisible, so name it.
		r.fail(0, "expected JSON, found a UTF-8 byte order mark")
	}
	return r
}

// Close checks that nothing but white space is left of the document and returns the first error of the walk, an
// [*Error].
func (r *Reader) Close() error {
	r.space()
	if r.err == nil && r.pos < len(r.text) {
		r.expected("the end of the input")
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

// Offset returns how many bytes of the document were read: what follows begins there. A value that has just been read ends
// there.
func (r *Reader) Offset() int { return r.pos }

// Note has read read the value that follows, and notes where it is.
func (r *Reader) Note(read func()) {
	start := r.pos
	read()
	r.noted = append(r.noted, Span{start, r.pos})
}

// Noted returns what was noted, from front to back.
func (r *Reader) Noted() []Span { return r.noted }

// Fields returns the keys of the object that follows, one by one; the loop's body reads the value of each, once, or
// leaves it to be skipped. There are none if null follows. Leaving the loop early abandons the document.
func (r *Reader) Fields() func(yield func(key string) bool) {
	return func(yield func(string) bool) { r.fields(yield) }
}

func (r *Reader) fields(yield func(string) bool) {
	if r.Null() || !r.enter('{', "an object", "") {
		return
	}
	depth := len(r.stack) - 1
	for first := true; r.more('}', first); first = false {
		key, ok := r.quoted("a key in quotes")
		if !ok || !r.colon() {
			return
		}
		r.stack[depth] = frame{key: key, at: atField}
		start := r.pos
		if !yield(key) {
			return
		}
		if r.pos == start && r.skipping == 0 {
			if name := r.respelt(key); name != "" && !yield(name) {
				return
			}
			if r.pos == start {
				r.unread()
			}
		}
		if r.pos == start {
			r.Skip()
		}
		r.stack[depth].at = between
	}
}

func (r *Reader) respelt(key string) string {
	if r.Respell == nil {
		return ""
	}
	if name := r.Respell(key); name != key {
		return name
	}
	return ""
}

// maxUnknown bounds the list of unknown keys.
const maxUnknown = 20

func (r *Reader) unread() {
	if len(r.unknown) < maxUnknown && r.err == nil {
		r.unknown = append(r.unknown, r.path())
	}
}

// Unknown returns the paths of the first unknown keys, without those within their values.
func (r *Reader) Unknown() []string { return r.unknown }

// Elements returns the indices of the array that follows, one by one; the loop's body reads the element at each, once, or
// leaves it to be skipped. There are none if null follows. What the array is of ("strings") is for errors only. Leaving
// the loop early abandons the document.
func (r *Reader) Elements(of string) func(yield func(index int) bool) {
	return func(yield func(int) bool) { r.elements(of, yield) }
}

func (r *Reader) elements(of string, yield func(int) bool) {
	if r.Null() || !r.enter('[', "an array of ", of) {
		return
	}
	depth := len(r.stack) - 1
	for i := 0; r.more(']', i == 0); i++ {
		r.stack[depth] = frame{index: i, at: atElement}
		start := r.pos
		if !yield(i) {
			return
		}
		if r.pos == start {
			r.Skip()
		}
		r.stack[depth].at = between
	}
}

// Array reports whether an array comes next.
func (r *Reader) Array() bool { return r.peek() == '[' }

// Fail makes the next value an error, for a caller that knows more than its type.
func (r *Reader) Fail(msg string) { r.fail(r.pos, msg) }

// Skip reads any value and forgets it. It must be valid JSON all the same.
func (r *Reader) Skip() {
	r.skipping++
	defer func() { r.skipping-- }()
	switch c := r.peek(); {
	case c == '{':
		for range r.Fields() {
		}
	case c == '[':
		for range r.Elements("values") {
		}
	case c == '"':
		r.quoted("a string")
	case c == '-' || isDigit(c):
		r.number("a number")
	case r.word("true"), r.word("false"), r.word("null"):
	default:
		r.expected("a value")
	}
}

// Null steps over null, if that is what follows.
func (r *Reader) Null() bool {
	return r.peek() == 'n' && r.word("null")
}

// Bool reads true or false. It is not ok for null, and after an error.
func (r *Reader) Bool() (b, ok bool) {
	switch {
	case r.Null():
		return false, false
	case r.word("true"):
		return true, true
	case r.word("false"):
		return false, true
	}
	r.expected("a boolean")
	return false, false
}

// Text reads a string. It is not ok for null, and after an error.
func (r *Reader) Text() (s string, ok bool) {
	if r.Null() {
		return "", false
	}
	return r.quoted("a string")
}

// Int reads a whole number from lo to hi. It is not ok for null, and after an error.
func (r *Reader) Int(lo, hi int64) (n int64, ok bool) {
	if r.Null() {
		return 0, false
	}
	at, literal, ok := r.number("a whole number")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	if err != nil || n < lo || n > hi {
		r.outside(at, strconv.FormatInt(lo, 10), strconv.FormatInt(hi, 10), literal)
		return 0, false
	}
	return n, true
}

// Uint reads a whole number from 0 to hi. It is not ok for null, and after an error.
func (r *Reader) Uint(hi uint64) (n uint64, ok bool) {
	if r.Null() {
		return 0, false
	}
	at, literal, ok := r.number("a whole number")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(literal, 10, 64)
	if err != nil || n > hi {
		r.outside(at, "0", strconv.FormatUint(hi, 10), literal)
		return 0, false
	}
	return n, true
}

// Float reads a number. It is not ok for null, and after an error.
func (r *Reader) Float() (f float64, ok bool) {
	if r.Null() {
		return 0, false
	}
	at, literal, ok := r.number("a number")
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		r.fail(at, "expected a number below 1.8e308")
		return 0, false
	}
	return f, true
}
