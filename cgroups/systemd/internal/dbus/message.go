package dbus

import "encoding/binary"

// maxMessage bounds what a message of systemd's may be long.
const maxMessage = 16 << 20

// Kinds of messages.
const (
	methodCall   = 1
	methodReturn = 2
	errorReply   = 3
	signal       = 4
)

// Fields of a header (specification, "Header Fields").
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSender      = 7
	fieldSignature   = 8
	fieldUnixFDs     = 9
)

// fixedHeader is the length of what precedes the fields, their length included.
const fixedHeader = 16

// Message is one that was received.
type Message struct {
	Path, Interface, Member string
	Signature               string
	Args                    Args

	kind      byte
	replyTo   uint32
	errorName string
}

// Method names what to call.
type Method struct {
	Destination string // empty on a connection without a bus
	Path        string
	Interface   string
	Member      string
}

// encode makes the message of a call.
func (m *Method) encode(serial uint32, signature string, args *Body) []byte {
	h := Body{buf: make([]byte, 0, 256+len(args.buf))}
	h.buf = append(h.buf, 'l', methodCall, 0, 1)
	h.Uint32(uint32(len(args.buf)))
	h.Uint32(serial)
	h.Array(8, func() {
		text := func(field byte, kind, value string) {
			if value == "" {
				return
			}
			h.Struct()
			h.Byte(field)
			h.Variant(kind)
			if kind == "g" {
				h.Signature(value)
			} else {
				h.Text(value)
			}
		}
		text(fieldPath, "o", m.Path)
		text(fieldInterface, "s", m.Interface)
		text(fieldMember, "s", m.Member)
		text(fieldDestination, "s", m.Destination)
		text(fieldSignature, "g", signature)
	})
	h.align(8)
	return append(h.buf, args.buf...)
}

// size returns the length of the whole message that the first bytes begin,
// fixedHeader of them.
func size(head []byte) (int, binary.ByteOrder, error) {
	var order binary.ByteOrder
	switch head[0] {
	case 'l':
		order = binary.LittleEndian
	case 'B':
		order = binary.BigEndian
	default:
		return 0, nil, errMalformed
	}
	body, fields := order.Uint32(head[4:]), order.Uint32(head[12:])
	if head[3] != 1 || body > maxMessage || fields > maxMessage {
		return 0, nil, errMalformed
	}
	return fixedHeader + (int(fields)+7)&^7 + int(body), order, nil
}

// decode reads a whole message.
func decode(data []byte) (*Message, error) {
	if len(data) < fixedHeader {
		return nil, errMalformed
	}
	n, order, err := size(data)
	if err != nil || n != len(data) {
		return nil, errMalformed
	}
	end := fixedHeader + int(order.Uint32(data[12:]))
	if end > len(data) {
		return nil, errMalformed
	}
	m := &Message{kind: data[1]}
	h := Args{buf: data[:end], pos: fixedHeader, order: order}
	for h.pos < end && h.err == nil {
		m.field(&h)
	}
	m.Args = Args{buf: data[(end+7)&^7:], order: order}
	return m, h.err
}

// field reads one field of the header.
func (m *Message) field(h *Args) {
	b := h.take(8, 1)
	if b == nil {
		return
	}
	var to *string
	switch b[0] {
	case fieldPath:
		to = &m.Path
	case fieldInterface:
		to = &m.Interface
	case fieldMember:
		to = &m.Member
	case fieldErrorName:
		to = &m.errorName
	case fieldSignature:
		to = &m.Signature
	case fieldReplySerial, fieldUnixFDs:
		if h.Signature() != "u" {
			h.err = errMalformed
		}
		if n := h.Uint32(); b[0] == fieldReplySerial {
			m.replyTo = n
		}
		return
	default: // the destination, the sender, and what may come
		to = new(string)
	}
	*to = h.VariantText()
}
