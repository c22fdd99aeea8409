// Package wire is what parent and init say to each other: frames over one
// stream socket, with descriptors beside them, and failures that keep their
// type across the process boundary.
//
// What comes from init is hostile input once a container's own program could
// have touched it; frames are bounded and decoded strictly.
package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Kind says what a frame is.
type Kind uint8

const (
	Plan        Kind = iota + 1 // to init: its half of the plan
	Descriptors                 // to init: mount trees, before the plan
	Continue                    // to init: go on after Born or Mounted
	Phase                       // from init: it has come to a phase
	Failed                      // from init: a step failed
	Child                       // from the raw child: pid of the process that will be init
	SpawnFailed                 // from the raw child: stage and errno
	Terminal                    // from init: the terminal's master
	Trace                       // from init: when each step began and ended
	Listener                    // from init: its seccomp filter's listener; it waits for Continue
	Cloned                      // from exec's init: pidfd of the process that will execute, and what
	Trees                       // to init: more mount trees, which it has asked for
	Lent                        // from init: a mount whose ids are to be mapped; it waits for Continue
)

// maxFrame bounds a frame. The largest are plans: arguments and environment
// may be megabytes.
const maxFrame = 64 << 20

// maxDescriptors is how many descriptors one sendmsg can carry (SCM_MAX_FD).
const maxDescriptors = 253

// ErrTimeout is what Recv returns after the deadline that Bound has set.
var ErrTimeout = errors.New("no message in time")

// Header stands before each message, as it is in memory.
type Header struct {
	Size        uint32 // of the payload
	Kind        Kind
	_           uint8
	Descriptors uint16 // that are beside it
}

// HeaderSize is how many bytes that takes.
const HeaderSize = 8

// Bytes is a view of it.
func (h *Header) Bytes() []byte { return codec.View(h) }

// Conn is one end of the socket.
type Conn struct {
	fd       int
	deadline time.Time // for receiving; zero: none
}

// Pair makes both ends, close-on-exec.
func Pair() (parent, child Conn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return FromFD(-1), FromFD(-1), os.NewSyscallError("socketpair", err)
	}
	return FromFD(fds[0]), FromFD(fds[1]), nil
}

// FromFD takes over a descriptor that is one end.
func FromFD(fd int) Conn { return Conn{fd: fd} }

// FD returns the socket's descriptor.
func (c Conn) FD() int { return c.fd }

// Bound lets what is received from now on take no longer than limit, all together: an
// other end that sends a byte now and then gains no time. The socket's own limit
// (SO_RCVTIMEO, see socket(7)) is for each call.
func (c *Conn) Bound(limit time.Duration) error {
	c.Extend(limit)
	const tick = 20 * time.Millisecond // by which the kernel may be early
	tv := unix.NsecToTimeval((limit + tick).Nanoseconds())
	return os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
}

// Extend restarts the limit of Bound.
func (c *Conn) Extend(limit time.Duration) { c.deadline = time.Now().Add(limit) }

// Left returns how much of the time for receiving is left; it is negative if there is no limit.
func (c Conn) Left() time.Duration {
	if c.deadline.IsZero() {
		return -1
	}
	return max(0, time.Until(c.deadline))
}

// late reports whether the time for receiving is over.
func (c Conn) late() bool { return c.Left() == 0 }

// Finish says that nothing more will be sent: the other end, if it waits, comes to
// the end. What it has said can be received.
func (c Conn) Finish() { unix.Shutdown(c.fd, unix.SHUT_WR) }

// Close closes this end.
func (c Conn) Close() error { return unix.Close(c.fd) }

func frame(kind Kind, payload []byte, descriptors int) []byte {
	h := Header{Size: uint32(len(payload)), Kind: kind, Descriptors: uint16(descriptors)}
	return append(append(make([]byte, 0, HeaderSize+len(payload)), h.Bytes()...), payload...)
}

// Send sends a frame and copies of fds.
func (c Conn) Send(kind Kind, payload []byte, fds ...int) error {
	for len(fds) > maxDescriptors {
		if err := c.Send(Descriptors, nil, fds[:maxDescriptors]...); err != nil {
			return err
		}
		fds = fds[maxDescriptors:]
	}
	frame := frame(kind, payload, len(fds))
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(frame) > 0 {
		n, err := retry.Sendmsg(c.fd, frame, rights, nil, unix.MSG_NOSIGNAL)
		if err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		frame, rights = frame[n:], nil
	}
	return nil
}

// Message is a received frame.
type Message struct {
	Kind    Kind
	Payload []byte
	FDs     []int // close-on-exec; the receiver owns them
}

// Close closes the descriptors that came with a message.
func (m *Message) Close() {
	Discard(m.FDs...)
	m.FDs = nil
}

// discardTime is how long Discard waits.
const discardTime = time.Second

// Discard closes descriptors that were received. Whoever has sent them may decide how long
// that takes (SO_LINGER in socket(7), a server of FUSE): it is not waited for then.
func Discard(fds ...int) {
	if len(fds) == 0 {
		return
	}
	var closed atomic.Bool
	go func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
		closed.Store(true)
	}()
	for end := time.Now().Add(discardTime); !closed.Load() && time.Now().Before(end); {
		retry.Sleep(time.Millisecond)
	}
}

// Recv receives a frame. io.EOF means that the other end is gone, between
// frames or in the middle of one.
func (c Conn) Recv() (Message, error) {
	var m Message
	for {
		if c.late() {
			m.Close()
			return m, ErrTimeout
		}
		var header Header
		fds, err := c.recvHeader(header.Bytes())
		m.FDs = append(m.FDs, fds...)
		if err != nil {
			m.Close()
			return m, err
		}
		size := header.Size
		m.Kind = header.Kind
		if want := int(header.Descriptors); want != len(fds) || size > maxFrame {
			m.Close()
			return m, fmt.Errorf("malformed message: %d bytes, %d of %d descriptors", size, len(fds), want)
		}
		m.Payload = codec.Aligned(int(size))
		if err := c.read(m.Payload); err != nil {
			m.Close()
			return m, err
		}
		if m.Kind != Descriptors {
			return m, nil
		}
	}
}

// recvHeader reads a header and the descriptors that travel with its first
// byte.
func (c Conn) recvHeader(header []byte) ([]int, error) {
	n, fds, err := retry.Receive(c.fd, header, maxDescriptors)
	if err := c.received("recvmsg", n, err); err != nil {
		return fds, err
	}
	return fds, c.read(header[n:])
}

// read fills p.
func (c Conn) read(p []byte) error {
	for len(p) > 0 {
		if c.late() {
			return ErrTimeout
		}
		n, err := retry.Read(c.fd, p)
		if err := c.received("read", n, err); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// received returns the result of a call that has read n bytes.
func (c Conn) received(call string, n int, err error) error {
	switch {
	case err == unix.EAGAIN && c.late(): // else it is the kernel's own answer
		return ErrTimeout
	case err == unix.ECONNRESET: // it went before it had read all
		return fmt.Errorf("%w: %w", io.EOF, os.NewSyscallError(call, err))
	case err == nil && n == 0:
		return io.EOF
	}
	return os.NewSyscallError(call, err)
}
