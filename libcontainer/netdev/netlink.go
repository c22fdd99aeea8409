package netdev

import (
	"bytes"
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

// fromKernel reports whether the kernel has sent a datagram. A process with CAP_NET_ADMIN
// in a network namespace can send some to the sockets in it, too.
func fromKernel(from unix.Sockaddr) bool {
	address, ok := from.(*unix.SockaddrNetlink)
	return ok && address.Pid == 0
}

// dumpTries is how often a list is asked for that changes while the kernel sends it.
const dumpTries = 20

// ask sends a request and hands what comes back, without headers, to answer.
// Attributes follow head, the fixed part of the message. Of a list that was not of one
// moment nothing is handed on: it is asked for again.
func (s socket) ask(kind, flags uint16, head []byte, attributes []attribute, answer func(kind uint16, data []byte)) error {
	for range dumpTries {
		r := replies{number: requests.Add(1)}
		if err := s.askOnce(&r, kind, flags, head, attributes); err != nil {
			return err
		}
		if r.interrupted {
			continue
		}
		for _, one := range r.list {
			if answer != nil {
				answer(one.kind, one.data)
			}
		}
		return nil
	}
	return fmt.Errorf("netlink: a list has changed each time that it was read: %w", unix.EINTR)
}

// replies is what has come back to the request of a number.
type replies struct {
	number      uint32
	list        []reply
	interrupted bool // the list is not of one moment
}

type reply struct {
	kind uint16
	data []byte
}

// take takes the messages of a datagram. It is over with the last of them.
func (r *replies) take(datagram []byte) (over bool, err error) {
	const headerSize = unix.SizeofNlMsghdr
	for rest := datagram; len(rest) >= headerSize; {
		size, kind, flags := int(native.Uint32(rest)), native.Uint16(rest[4:]), native.Uint16(rest[6:])
		if size < headerSize || size > len(rest) {
			return true, errors.New("malformed netlink message")
		}
		if native.Uint32(rest[8:]) == r.number {
			data := rest[headerSize:size]
			r.interrupted = r.interrupted || flags&unix.NLM_F_DUMP_INTR != 0 && kind != unix.NLMSG_ERROR
			if kind == unix.NLMSG_ERROR || kind == unix.NLMSG_DONE {
				return true, failure(data, flags)
			}
			r.list = append(r.list, reply{kind, bytes.Clone(data)})
		}
		rest = rest[min(len(rest), (size+3)&^3):]
	}
	return false, nil
}

func (s socket) askOnce(r *replies, kind, flags uint16, head []byte, attributes []attribute) error {
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
	native.PutUint32(message[8:], r.number)
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
		if over, err := r.take(buf[:n]); over || err != nil {
			return err
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
