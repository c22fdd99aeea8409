package dbus

import (
	"encoding/binary"
	"errors"
)

var errMalformed = errors.New("malformed D-Bus message")

// Args unmarshals the arguments of a message, one after the other. After the
// first one that is not what it should be, all are zero and Err says so: the
// sender is another program, which may say anything.
type Args struct {
	buf   []byte
	pos   int
	order binary.ByteOrder
	err   error
}

// Err is nil if everything read so far was there.
func (a *Args) Err() error { return a.err }

// take returns the next n bytes, after padding to a multiple of align.
func (a *Args) take(align, n int) []byte {
	start := (a.pos + align - 1) / align * align
	if a.err != nil || n < 0 || start > len(a.buf) || n > len(a.buf)-start {
		a.err = errMalformed
		return nil
	}
	a.pos = start + n
	return a.buf[start:a.pos]
}

// Uint32 reads a u.
func (a *Args) Uint32() uint32 {
	if b := a.take(4, 4); b != nil {
		return a.order.Uint32(b)
	}
	return 0
}

// Text reads an s or an o.
func (a *Args) Text() string { return a.text(a.Uint32()) }

// Signature reads a g.
func (a *Args) Signature() string {
	if b := a.take(1, 1); b != nil {
		return a.text(uint32(b[0]))
	}
	return ""
}

func (a *Args) text(n uint32) string {
	if n > maxMessage {
		a.err = errMalformed
	}
	b := a.take(1, int(n)+1)
	if b == nil || b[n] != 0 {
		a.err = errMalformed
		return ""
	}
	return string(b[:n])
}

// VariantText reads a variant that holds a text, of any of the types for that.
func (a *Args) VariantText() string {
	switch a.Signature() {
	case "s", "o":
		return a.Text()
	case "g":
		return a.Signature()
	}
	a.err = errMalformed
	return ""
}

// VariantPairs reads a variant that holds an array of pairs of texts, a(ss).
func (a *Args) VariantPairs() (pairs [][2]string) {
	if a.Signature() != "a(ss)" {
		a.err = errMalformed
		return nil
	}
	size := int(a.Uint32())
	a.take(8, 0) // of the first element, also if there is none
	for end := a.pos + size; a.err == nil && a.pos < end; {
		a.take(8, 0)
		pairs = append(pairs, [2]string{a.Text(), a.Text()})
	}
	if a.err != nil {
		return nil
	}
	return pairs
}
