package dbus

import "encoding/binary"

// Body marshals the arguments of a message, in little-endian order
// (specification, "Marshaling"). Its methods append one value each; the caller
// keeps to the signature he declares.
type Body struct{ buf []byte }

func (b *Body) align(n int) {
	for len(b.buf)%n != 0 {
		b.buf = append(b.buf, 0)
	}
}

// Byte appends a y.
func (b *Body) Byte(v byte) { b.buf = append(b.buf, v) }

// Uint32 appends a u, and, as the bits are the same, an i.
func (b *Body) Uint32(v uint32) {
	b.align(4)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, v)
}

// Uint16 appends a q or an n.
func (b *Body) Uint16(v uint16) {
	b.align(2)
	b.buf = binary.LittleEndian.AppendUint16(b.buf, v)
}

// Uint64 appends a t, an x, or the bits of a d.
func (b *Body) Uint64(v uint64) {
	b.align(8)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, v)
}

// Bool appends a b.
func (b *Body) Bool(v bool) {
	var n uint32
	if v {
		n = 1
	}
	b.Uint32(n)
}

// Text appends an s or an o. A text with a zero byte in it is none that D-Bus
// could carry: the receiver would refuse the message.
func (b *Body) Text(s string) {
	b.Uint32(uint32(len(s)))
	b.buf = append(append(b.buf, s...), 0)
}

// Signature appends a g.
func (b *Body) Signature(s string) {
	b.buf = append(append(append(b.buf, byte(len(s))), s...), 0)
}

// Struct begins a struct: its fields follow.
func (b *Body) Struct() { b.align(8) }

// Variant begins a variant: a value of the type follows.
func (b *Body) Variant(signature string) { b.Signature(signature) }

// Array appends an array, whose elements f appends. align is the alignment of
// their type: 8 for structs and 64 bit numbers, 1 for bytes, else 4.
func (b *Body) Array(align int, f func()) {
	b.Uint32(0)
	at := len(b.buf) - 4
	b.align(align)
	first := len(b.buf)
	f()
	binary.LittleEndian.PutUint32(b.buf[at:], uint32(len(b.buf)-first))
}
