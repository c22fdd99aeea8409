package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// slot hands out a descriptor that the parent has sent.
func (c *container) slot(n int) (int, error) {
	slots := c.opening.Trees
	if n < 0 || n >= len(slots) || slots[n].FD < 0 {
		return -1, fault.New(0, "no descriptor in slot %d").Num(int64(n))
	}
	fd := slots[n].FD
	slots[n].FD = -1
	return fd, nil
}

// joinPID joins the container's pid namespace for the process that will be cloned.
func (c *container) joinPID(s *plan.JoinPID) error {
	fd, err := c.slot(s.Slot)
	if err != nil {
		return err
	}
	errno := raw.Setns(fd, unix.CLONE_NEWPID)
	raw.Close(fd)
	return fault.Call("setns", errno)
}

// ownProc takes this process's directory in the host's procfs.
func (c *container) ownProc(s *plan.OwnProc) error {
	fd, err := c.slot(s.Slot)
	if err != nil {
		return err
	}
	c.proc, c.procSelf = sys.ProcAt(fd), "."
	return nil
}

// cloneInside clones the process that takes the steps after this one, as a child of
// the parent's. It has a copy of this memory and of the descriptors, in which by now
// there is nothing of the host but the socket. Both may be under the container's filter
// already: what they call is in specconv (seccompnotify.go).
func (c *container) cloneInside(s *plan.CloneInside) error {
	if !c.prepared { // or the filter, which is loaded then, has a say in what that calls
		c.forget()
	}
	var pidfd int32
	signals := raw.Pin()
	pid, errno := raw.Clone(unix.CLONE_PARENT|unix.CLONE_PIDFD|uintptr(unix.SIGCHLD), &pidfd)
	raw.Unpin(signals, pid == 0)
	if errno != 0 {
		return fault.Call("clone", errno)
	}
	if pid == 0 {
		c.link.plain = c.link.plain || !s.Init
		return c.inside(s)
	}
	// Its number would mean something else to the parent.
	if err := c.link.send(wire.Cloned, nil, int(pidfd)); err != nil {
		return err
	}
	return &done
}

// inside is how the cloned process begins: it waits for the parent's message, or exits
// with it.
func (c *container) inside(s *plan.CloneInside) error {
	if s.Init {
		if err := c.continueAsInit(); err != nil {
			return err
		}
	} else if err := c.awaitWord(); err != nil {
		return err
	}
	if !s.Sessionless {
		if errno := raw.Setsid(); errno != 0 {
			return fault.Call("setsid", errno)
		}
	}
	if !s.Terminal {
		return nil
	}
	_, errno := raw.Ioctl(0, unix.TIOCSCTTY, 0)
	return fault.Call("ioctl TIOCSCTTY", errno)
}

// awaitWord waits for one byte.
func (c *container) awaitWord() error {
	var word [1]byte
	n, errno := raw.Read(c.link.fd, word[:])
	if errno != 0 {
		return fault.Call("read", errno)
	}
	if n == 0 {
		return &gone
	}
	return nil
}

// continueAsInit takes over from the init that has cloned this one. It has no parent
// death signal: until ready it does little, and ends with the socket.
func (c *container) continueAsInit() error {
	if _, err := c.link.receive(wire.Continue, &came); err != nil {
		return err
	}
	if c.listen.Len() > 0 {
		nameListener(&c.listen)
	}
	return nil
}

// closeOthers closes every descriptor but the standard streams, those to preserve, the
// socket and what later steps need. These stay where they are: there may be no number
// that is free beyond those to preserve.
func (c *container) closeOthers() error {
	kept, n := [5]int{c.link.fd}, 1
	if c.fifo >= 0 {
		kept[1], kept[2], n = c.fifo, c.answer, 3
	}
	for _, fd := range c.logs {
		if fd > 0 && c.will(plan.KindHooks) {
			kept[n] = fd
			n++
		}
	}
	for _, fd := range c.opening.Holes {
		if firstFrom(kept[:n], fd) != fd {
			raw.Close(fd)
		}
	}
	c.proc = sys.ProcAt(-1)
	for from := 3 + c.opening.PreserveFDs; ; {
		next := firstFrom(kept[:n], from)
		if next < 0 {
			return sys.CloseOwn(from, sys.LastDescriptor)
		}
		if next > from {
			if err := sys.CloseOwn(from, next-1); err != nil {
				return err
			}
		}
		from = next + 1
	}
}

// firstFrom returns the lowest of some descriptors that is not below from; -1: none.
func firstFrom(fds []int, from int) int {
	first := -1
	for _, fd := range fds {
		if fd >= from && (first < 0 || fd < first) {
			first = fd
		}
	}
	return first
}
