package netdev

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

var native = binary.NativeEndian

// attribute is one rtnetlink attribute.
type attribute struct {
	kind uint16
	data []byte
}

func text(kind uint16, s string) attribute { return attribute{kind, append([]byte(s), 0)} }

func number(kind uint16, n uint32) attribute {
	return attribute{kind, native.AppendUint32(nil, n)}
}

// socket is a netlink socket. It belongs for good to the network namespace in
// which it was made.
type socket struct{ fd int }

// open makes a socket in the calling thread's network namespace.
func open() (socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return socket{-1}, os.NewSyscallError("socket", err)
	}
	// Best effort: the kernel's own words about what is wrong.
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return socket{fd}, nil
}

func (s socket) close() { unix.Close(s.fd) }

// requests counts them: an answer has the number of its request.
var requests atomic.Uint32

// fromKernel reports who has sent a datagram. Whoever has CAP_NET_ADMIN in a
// network namespace may send some to the sockets in it.
func fromKernel(from unix.Sockaddr) bool {
	address, ok := from.(*unix.SockaddrNetlink)
	return ok && address.Pid == 0
}

// ask sends a request and hands what comes back, without headers, to answer.
// Attributes follow head, the fixed part of the message.
func (s socket) ask(kind, flags uint16, head []byte, attributes []attribute, answer func(kind uint16, data []byte)) error {
	const headerSize = unix.SizeofNlMsghdr
	message := append(make([]byte, headerSize), head...)
	for _, a := range attributes {
		message = native.AppendUint16(message, uint16(4+len(a.data)))
		message = native.AppendUint16(message, a.kind)
		message = append(message, a.data...)
		message = append(message, make([]byte, -len(message)&3)...)
	}
	native.PutUint32(message, uint32(len(message)))
	native.PutUint16(message[4:], kind)
	native.PutUint16(message[6:], flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	request := requests.Add(1)
	native.PutUint32(message[8:], request)
	if err := retry.Sendto(s.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	buf := make([]byte, 64<<10)
	for {
		n, from, err := retry.Recvfrom(s.fd, buf, unix.MSG_TRUNC)
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		if !fromKernel(from) {
			continue
		}
		if n > len(buf) {
			return fmt.Errorf("netlink message of %d bytes", n)
		}
		for rest := buf[:n]; len(rest) >= headerSize; {
			size, kind := int(native.Uint32(rest)), native.Uint16(rest[4:])
			if size < headerSize || size > len(rest) {
				return errors.New("malformed netlink message")
			}
			data := rest[headerSize:size]
			switch {
			case native.Uint32(rest[8:]) != request:
			case kind == unix.NLMSG_ERROR, kind == unix.NLMSG_DONE:
				return failure(data, native.Uint16(rest[6:]))
			case answer != nil:
				answer(kind, data)
			}
			rest = rest[min(len(rest), (size+3)&^3):]
		}
	}
}

// failure reads the end of an answer: an errno, and the reason in words if the
// kernel gives one.
func failure(data []byte, flags uint16) error {
	if len(data) < 4 {
		return nil // the end of a list
	}
	errno := unix.Errno(-int32(native.Uint32(data)))
	if errno == 0 {
		return nil
	}
	const requestHeader = 4 + unix.SizeofNlMsghdr
	if flags&unix.NLM_F_ACK_TLVS != 0 && len(data) > requestHeader {
		for _, a := range attributes(data[requestHeader:]) {
			if a.kind == unix.NLMSGERR_ATTR_MSG && len(a.data) > 1 {
				return fmt.Errorf("%w (%s)", errno, a.data[:len(a.data)-1])
			}
		}
	}
	return errno
}

// attributes takes a list of attributes apart, as far as it is well formed.
func attributes(data []byte) (list []attribute) {
	for len(data) >= 4 {
		size := int(native.Uint16(data))
		if size < 4 || size > len(data) {
			break
		}
		const nested, byteorder = unix.NLA_F_NESTED, unix.NLA_F_NET_BYTEORDER
		list = append(list, attribute{native.Uint16(data[2:]) &^ (nested | byteorder), data[4:size]})
		data = data[min(len(data), (size+3)&^3):]
	}
	return list
}
