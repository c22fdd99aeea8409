package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// link is init's end of the socket, see package wire for the form of what is said.
type link struct {
	fd int
	// plain: what needs not be sent is written, as programs do, for the filter that this
	// process may be under.
	plain bool
	mark  uint32 // of its calls, see seccomp.NotifyAllowed
}

// What comes beside messages: as many descriptors as a plan has for its first step.
const maxReceived = 4096

// received are the descriptors that came with a message, and count how many.
type received struct {
	fds   [maxReceived]int32
	count int
	used  int
}

// next hands out the next descriptor, -1 if there is none.
func (r *received) next() int {
	if r.used >= r.count {
		return -1
	}
	r.used++
	return int(r.fds[r.used-1])
}

// gone means that the parent has exited: there is nothing to report to, and nothing to do
// but exit. done means that the plan has come to its end.
var gone, done fault.Fault

func is(err error, what *fault.Fault) bool {
	f, ok := err.(*fault.Fault)
	return ok && f == what
}

// maxOnce is of how many bytes a message is sent in one piece: its reader is woken up
// once.
const maxOnce = 512

// send sends a message and a copy of a descriptor, if it is not -1.
func (l link) send(kind wire.Kind, payload []byte, fd int) error {
	return l.sendBoth(kind, payload, nil, fd)
}

// sendBoth sends a message whose payload is in two pieces.
func (l link) sendBoth(kind wire.Kind, first, second []byte, fd int) error {
	var once [maxOnce]byte
	head := wire.Header{Size: uint32(len(first) + len(second)), Kind: kind}
	if fd >= 0 {
		head.Descriptors = 1
	}
	n := copy(once[:], head.Bytes())
	n += copy(once[n:], first)
	m := copy(once[n:], second)
	if err := l.write(once[:n+m], fd); err != nil {
		return err
	}
	if err := l.write(first[n-wire.HeaderSize:], -1); err != nil {
		return err
	}
	return l.write(second[m:], -1)
}

func (l link) write(p []byte, fd int) error {
	for len(p) > 0 {
		var n int
		var errno unix.Errno
		if l.plain && fd < 0 {
			n, errno = raw.Write(l.fd, p)
		} else {
			n, errno = raw.Send(l.fd, p, fd, l.mark)
		}
		if errno != 0 {
			return &gone
		}
		p, fd = p[n:], -1
	}
	return nil
}

// receive waits for a message of a kind. Its payload is memory of its own.
func (l link) receive(kind wire.Kind, with *received) ([]byte, error) {
	with.count, with.used = 0, 0
	for {
		var head wire.Header
		n, count, errno := raw.Receive(l.fd, head.Bytes(), with.fds[with.count:], l.mark)
		if errno != 0 || n == 0 {
			return nil, ended(errno)
		}
		with.count += count
		if err := l.read(head.Bytes()[n:]); err != nil {
			return nil, err
		}
		got, size := head.Kind, head.Size
		if want := int(head.Descriptors); want != count {
			return nil, fault.New(0, "malformed message: %d of %d descriptors").Num(int64(count)).Num(int64(want))
		}
		if got == wire.Descriptors && size == 0 {
			continue
		}
		if got != kind {
			return nil, fault.New(0, "unexpected message %d").Num(int64(got))
		}
		if size == 0 {
			return nil, nil
		}
		payload, errno := raw.Memory(int(size))
		if errno != 0 {
			return nil, fault.Call("mmap", errno)
		}
		return payload, l.read(payload)
	}
}

// read fills p.
func (l link) read(p []byte) error {
	for len(p) > 0 {
		n, errno := raw.Read(l.fd, p)
		if errno != 0 || n == 0 {
			return ended(errno)
		}
		p = p[n:]
	}
	return nil
}

// ended returns the reason why a call has read nothing.
func ended(errno unix.Errno) error {
	if errno == 0 || errno == unix.ECONNRESET {
		return &gone
	}
	return fault.Call("recvmsg", errno)
}

// report sends a failure in a message, or on a fifo.
func (c *container) report(f *wire.Failure) {
	to := codec.Writer(said[:])
	f.Code(&to)
	if to.Bad() {
		return // it has more room than a failure may take
	}
	if c.started {
		raw.Write(c.answer, said[:to.Len()])
		return
	}
	c.link.send(wire.Failed, said[:to.Len()], -1)
}
