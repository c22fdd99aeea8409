package dbus

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

var (
	// ErrTimeout means that the other side did not answer in time.
	ErrTimeout = errors.New("no answer in time")

	// ErrClosed means that the other side has closed the connection: it may come
	// back, and what was asked for last may have been done or not.
	ErrClosed = errors.New("connection closed by the other side")
)

// Error is the answer to a call that the other side refused.
type Error struct {
	Name string // such as org.freedesktop.systemd1.UnitExists
	Text string
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Name
	}
	return e.Text
}

// Conn is a connection, ready for calls. It is not safe for concurrent use.
type Conn struct {
	fd       int
	deadline time.Time
	serial   uint32
	in       []byte     // received and not yet read
	signals  []*Message // that came while an answer was waited for
}

// Dial connects to the unix socket at path (one in the abstract namespace
// begins with "@") and authenticates as the user that the kernel says we are.
// The deadline is for all that happens on the connection, up to [Conn.Until].
func Dial(path string, deadline time.Time) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &Conn{fd: fd, deadline: deadline}
	// It bounds connect(2), too (unix(7)), if the other side's queue is full.
	limit := unix.NsecToTimeval(max(time.Until(deadline), time.Millisecond).Nanoseconds())
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)
	if err == nil {
		err = connect(fd, path)
	}
	if err == nil {
		err = c.authenticate()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func connect(fd int, path string) error {
	err := retry.Connect(fd, &unix.SockaddrUnix{Name: path})
	if err == unix.EAGAIN {
		return ErrTimeout
	}
	return err
}

// Until sets another deadline, for what follows.
func (c *Conn) Until(deadline time.Time) { c.deadline = deadline }

// Close ends the connection.
func (c *Conn) Close() error { return unix.Close(c.fd) }

// authenticate speaks SASL's EXTERNAL (specification, "Authentication
// Protocol"). The identity is left for the other side to find out: what we
// think our uid is may differ from that in a user namespace.
//
// All of it goes out at once, and nothing else before the answers are here: a
// call that arrives together with BEGIN may lie in systemd's buffer until
// something more arrives.
func (c *Conn) authenticate() error {
	if err := c.send([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")); err != nil {
		return err
	}
	// To AUTH and to DATA; some say OK to the first, and then complain of the second.
	first, err := c.line()
	if err != nil {
		return err
	}
	if strings.HasPrefix(first, "REJECTED") {
		return fmt.Errorf("refused to authenticate us: %q", first)
	}
	second, err := c.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(first, "OK ") && !strings.HasPrefix(second, "OK ") {
		return fmt.Errorf("refused to authenticate us: %q", second)
	}
	return nil
}

func (c *Conn) line() (string, error) {
	for {
		if line, rest, ok := bytes.Cut(c.in, []byte("\r\n")); ok {
			c.in = rest
			return string(line), nil
		}
		if len(c.in) > 4096 {
			return "", errMalformed
		}
		if err := c.receive(); err != nil {
			return "", err
		}
	}
}

func (c *Conn) send(data []byte) error {
	for len(data) > 0 {
		n, err := retry.Sendmsg(c.fd, data, nil, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			data = data[n:]
		case unix.EAGAIN:
			return ErrTimeout
		case unix.EPIPE, unix.ECONNRESET:
			return ErrClosed
		default:
			return os.NewSyscallError("sendmsg", err)
		}
	}
	return nil
}

// receive adds to what is there what comes next.
func (c *Conn) receive() error {
	for {
		left := time.Until(c.deadline)
		if left <= 0 {
			return ErrTimeout
		}
		fds := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
		n, err := retry.Poll(fds, left)
		if err == nil && n == 0 {
			continue
		}
		if err != nil {
			return os.NewSyscallError("poll", err)
		}
		var buf [4096]byte
		n, err = retry.Read(c.fd, buf[:])
		switch {
		case err == unix.ECONNRESET, err == nil && n == 0:
			return ErrClosed
		case err != nil:
			return os.NewSyscallError("read", err)
		}
		c.in = append(c.in, buf[:n]...)
		return nil
	}
}

// next returns the next message.
func (c *Conn) next() (*Message, error) {
	want := fixedHeader
	for {
		if len(c.in) >= want {
			n, _, err := size(c.in)
			if err != nil {
				return nil, err
			}
			if want = n; len(c.in) >= n {
				m, err := decode(c.in[:n:n])
				c.in = c.in[n:]
				return m, err
			}
		}
		if err := c.receive(); err != nil {
			return nil, err
		}
	}
}

// Call calls a method and returns what it returned: an [*Error], if the other
// side says so. args may be nil.
func (c *Conn) Call(m Method, signature string, args *Body) (*Message, error) {
	if args == nil {
		args = new(Body)
	}
	c.serial++
	if err := c.send(m.encode(c.serial, signature, args)); err != nil {
		return nil, err
	}
	for {
		answer, err := c.next()
		if err != nil {
			return nil, err
		}
		switch {
		case answer.kind == signal:
			c.signals = append(c.signals, answer)
		case answer.replyTo != c.serial:
		case answer.kind == methodReturn:
			return answer, nil
		case answer.kind == errorReply:
			e := &Error{Name: answer.errorName}
			if strings.HasPrefix(answer.Signature, "s") {
				e.Text = answer.Args.Text()
			}
			return nil, e
		}
	}
}

// Signal returns the next signal: one that came during a call, or one that is
// waited for.
func (c *Conn) Signal() (*Message, error) {
	if len(c.signals) > 0 {
		m := c.signals[0]
		c.signals = c.signals[1:]
		return m, nil
	}
	for {
		m, err := c.next()
		if err != nil || m.kind == signal {
			return m, err
		}
	}
}
