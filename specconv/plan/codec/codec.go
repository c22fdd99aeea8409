// Package codec is the binary form of what parent and init say to each other. A type
// lists its fields once, in its method Code, and both directions follow that list.
//
// What is read is used where it is: a string is a view of the message, a slice lies in
// room that the message has for it. So nothing is allocated, and the message must stay
// for as long as anything read from it is used. Both ends are the same program on the
// same machine: numbers have its form, and the form needs no version.
package codec

import (
	"encoding/binary"
	"unsafe"
)

// Coder moves fields between values and a message.
type Coder struct {
	buf     []byte
	pos     int
	reading bool
	bad     bool
}

// align is what slices in a message are aligned to; messages begin there.
const align = 8

// Writer writes a message into a buffer.
func Writer(buf []byte) Coder { return Coder{buf: buf} }

// Reader reads a message, which must be aligned to eight bytes. It takes ownership of the
// message and changes it.
func Reader(message []byte) Coder { return Coder{buf: message, reading: true} }

// Reading reports whether a message is read.
func (c *Coder) Reading() bool { return c.reading }

// Encode writes a message.
func Encode(code func(c *Coder)) []byte {
	buf := Aligned(16 << 10)
	for {
		c := Writer(buf)
		code(&c)
		if !c.Bad() {
			return buf[:c.pos]
		}
		buf = Aligned(c.pos)
	}
}

// Aligned makes a buffer for a message.
func Aligned(size int) []byte {
	words := make([]uint64, (size+align-1)/align+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
}

// Len returns how long the message is so far, also where it does not fit into the
// buffer: then the caller writes it once more, into a larger one.
func (c *Coder) Len() int { return c.pos }

// Seek goes to a place that Len has returned.
func (c *Coder) Seek(pos int) { c.pos = pos }

// Bad reports whether the message is malformed, or did not fit.
func (c *Coder) Bad() bool { return c.bad || !c.reading && c.pos > len(c.buf) }

// End reports whether a message has been read to its end, and well.
func (c *Coder) End() bool { return !c.bad && c.pos == len(c.buf) }

// Fail marks the message as malformed.
func (c *Coder) Fail() {
	c.bad = true
	c.pos = len(c.buf)
}

// next goes on by n bytes and returns them; nil if there are not so many.
func (c *Coder) next(n int) []byte {
	at := c.pos
	if n > len(c.buf)-at {
		if c.reading {
			c.Fail()
		} else {
			c.pos += n // to know how much it takes
		}
		return nil
	}
	c.pos += n
	return c.buf[at:c.pos]
}

// Align goes on to the next multiple of n, a power of two.
func (c *Coder) Align(n int) {
	if rest := c.pos & (n - 1); rest != 0 {
		c.next(n - rest)
	}
}

// Head is the beginning of a part of a message that may be passed over.
type Head struct {
	Kind uint32
	Size uint32 // of what follows
}

const headSize = 8

// Begin writes the head of a part, and returns where it is, for Finish.
func (c *Coder) Begin(kind uint32) (at int) {
	c.Align(align)
	at = c.pos
	if b := c.next(headSize); b != nil {
		binary.NativeEndian.PutUint32(b, kind)
	}
	return at
}

// Finish completes the head of a part that ends here.
func (c *Coder) Finish(at int) {
	if at+headSize <= len(c.buf) {
		binary.NativeEndian.PutUint32(c.buf[at+4:], uint32(c.pos-at-headSize))
	}
}

// Next reads the head of a part. What it does not know of the part the caller passes
// over with Skip.
func (c *Coder) Next() (h Head) {
	c.Align(align)
	b := c.next(headSize)
	if b == nil {
		return h
	}
	h.Kind, h.Size = binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
	if uint64(h.Size) > uint64(len(c.buf)-c.pos) {
		c.Fail()
	}
	return h
}

// Skip passes over a part whose head has been read.
func (c *Coder) Skip(h Head) { c.next(int(h.Size)) }

// U64 codes a number, small ones in few bytes.
func (c *Coder) U64(p *uint64) {
	if c.reading {
		v, n := binary.Uvarint(c.buf[c.pos:])
		if n <= 0 {
			c.Fail()
			v, n = 0, 0
		}
		*p, c.pos = v, c.pos+n
		return
	}
	v := *p
	for v >= 0x80 {
		c.byte(byte(v) | 0x80)
		v >>= 7
	}
	c.byte(byte(v))
}

func (c *Coder) byte(v byte) {
	if b := c.next(1); b != nil {
		b[0] = v
	}
}

// U32 codes a number.
func (c *Coder) U32(p *uint32) {
	v := uint64(*p)
	c.U64(&v)
	*p = uint32(v)
}

// Num codes a number, which may be negative.
func (c *Coder) Num(p *int) {
	v := int64(*p)
	c.I64(&v)
	*p = int(v)
}

// I64 codes a number, which may be negative.
func (c *Coder) I64(p *int64) {
	v := uint64(*p<<1) ^ uint64(*p>>63)
	c.U64(&v)
	*p = int64(v>>1) ^ -int64(v&1)
}

// Flag codes a bool.
func (c *Coder) Flag(p *bool) {
	var v uint64
	if *p {
		v = 1
	}
	c.U64(&v)
	*p = v != 0
}

// Str codes a string. In the message there is a NUL behind it.
func (c *Coder) Str(p *string) {
	n := c.length(len(*p))
	b := c.next(n + 1)
	switch {
	case !c.reading:
		copy(b, *p)
		if b != nil {
			b[n] = 0
		}
	case b == nil || b[n] != 0:
		c.Fail()
		*p = ""
	case n == 0:
		*p = ""
	default:
		*p = unsafe.String(&b[0], n)
	}
}

// length codes the number of elements of a list. What is read is at most the number of
// bytes left.
func (c *Coder) length(n int) int {
	v := uint64(n)
	c.U64(&v)
	if c.reading && v > uint64(len(c.buf)-c.pos) {
		c.Fail()
		return 0
	}
	return int(v)
}

// Strs codes a list of strings.
func (c *Coder) Strs(p *[]string) {
	Room(c, p)
	for i := range *p {
		c.Str(&(*p)[i])
	}
}

// StrsAndOne codes a list of strings, which has the capacity for one more when it is
// read.
func (c *Coder) StrsAndOne(p *[]string) {
	if c.reading {
		if c.Strs(p); len(*p) > 0 {
			*p = (*p)[:len(*p)-1]
		}
		return
	}
	n, more := len(*p)+1, ""
	c.length(n)
	c.Align(align)
	c.next(n * int(unsafe.Sizeof(more)))
	for i := range *p {
		c.Str(&(*p)[i])
	}
	c.Str(&more)
}

// Room codes the length of a slice, whose elements the caller codes after it. One that
// is read is in the message; an empty one is nil.
func Room[T any](c *Coder, p *[]T) {
	n := c.length(len(*p))
	c.Align(align)
	size := n * int(unsafe.Sizeof(*new(T)))
	room := c.next(size)
	if !c.reading {
		return
	}
	*p = nil
	if size > 0 && room != nil {
		*p = unsafe.Slice((*T)(unsafe.Pointer(&room[0])), n)
	}
}

// Plain codes a slice of what has no pointers in it, as it is in memory.
func Plain[T any](c *Coder, p *[]T) {
	values := *p
	n := c.length(len(values))
	c.Align(align)
	size := n * int(unsafe.Sizeof(*new(T)))
	b := c.next(size)
	switch {
	case c.reading && size > 0 && b != nil:
		*p = unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
	case c.reading:
		*p = nil
	case size > 0:
		copy(b, unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), size))
	}
}

// Bytes is a view of a slice of what has no pointers in it.
func Bytes[T any](p []T) []byte {
	if len(p) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&p[0])), len(p)*int(unsafe.Sizeof(p[0])))
}

// View is a view of a value that has no pointers in it.
func View[T any](p *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }

// Values is a view of bytes as what Bytes has made them of, without those that are too
// few for one more. They must be aligned to eight bytes.
func Values[T any](b []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if len(b) < size {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/size)
}

// Pointers turns strings that were read into what execve(2) takes: pointers to them,
// and nil at the end. They lie where the strings were, which are gone.
func Pointers(list []string) []*byte {
	if len(list) == 0 {
		return nothing[:]
	}
	pointers := unsafe.Slice((**byte)(unsafe.Pointer(&list[0])), len(list)+1)
	for i := range list {
		pointers[i] = Pointer(list[i])
	}
	pointers[len(list)] = nil
	return pointers
}

// Pointer gives a string that was read as system calls take it.
func Pointer(s string) *byte {
	if len(s) == 0 {
		return &empty[0]
	}
	return unsafe.StringData(s)
}

var (
	nothing [1]*byte
	empty   [1]byte
)
