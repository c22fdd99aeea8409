package criu

import "errors"

// message is a protocol buffer in the making, see
// https://protobuf.dev/programming-guides/encoding.
type message []byte

// Wire types.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)

func (m *message) varint(v uint64) {
	for ; v >= 0x80; v >>= 7 {
		*m = append(*m, byte(v)|0x80)
	}
	*m = append(*m, byte(v))
}

func (m *message) tag(field, wireType int) { m.varint(uint64(field)<<3 | uint64(wireType)) }

// number appends an int32, uint32 or enum. Negative ones take ten bytes.
func (m *message) number(field int, v int64) {
	m.tag(field, typeVarint)
	m.varint(uint64(v))
}

// flag appends a bool that is not false, which is what CRIU takes a missing one for.
func (m *message) flag(field int, v bool) {
	if v {
		m.number(field, 1)
	}
}

// text appends a string that is not empty.
func (m *message) text(field int, v string) {
	if v == "" {
		return
	}
	m.bytes(field, []byte(v))
}

// bytes appends a string or a message inside this one.
func (m *message) bytes(field int, v []byte) {
	m.tag(field, typeBytes)
	m.varint(uint64(len(v)))
	*m = append(*m, v...)
}

var errMalformed = errors.New("malformed message from criu")

// field is one field of a message: number for varints, bytes for strings and
// messages.
type field struct {
	id     int
	number uint64
	bytes  []byte
}

// fields calls each with the fields of a message in their order. Fixed-size
// numbers, of which CRIU has none, are skipped.
func fields(data []byte, each func(field) error) error {
	for len(data) > 0 {
		tag, rest, ok := cutVarint(data)
		if !ok || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return errMalformed
		}
		f := field{id: int(tag >> 3)}
		switch tag & 7 {
		case typeVarint:
			f.number, rest, ok = cutVarint(rest)
		case typeBytes:
			var size uint64
			if size, rest, ok = cutVarint(rest); ok && size <= uint64(len(rest)) {
				f.bytes, rest = rest[:size], rest[size:]
			} else {
				ok = false
			}
		case typeFixed64:
			rest, ok = skip(rest, 8)
			f.id = 0
		case typeFixed32:
			rest, ok = skip(rest, 4)
			f.id = 0
		default:
			ok = false
		}
		if !ok {
			return errMalformed
		}
		data = rest
		if f.id == 0 {
			continue
		}
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}

func cutVarint(data []byte) (v uint64, rest []byte, ok bool) {
	for i, b := range data {
		if i == 10 || i == 9 && b > 1 {
			return 0, nil, false
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v, data[i+1:], true
		}
	}
	return 0, nil, false
}

func skip(data []byte, n int) ([]byte, bool) {
	if len(data) < n {
		return nil, false
	}
	return data[n:], true
}
