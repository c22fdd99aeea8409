package initproc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// slot hands out a descriptor that the parent has sent.
func (c *container) slot(n int) (int, error) {
	if n < 0 || n >= len(c.slots) || c.slots[n].FD < 0 {
		return -1, fmt.Errorf("no descriptor in slot %d", n)
	}
	fd := c.slots[n].FD
	c.slots[n].FD = -1
	return fd, nil
}

// joinPID joins the container's pid namespace for the process that will be
// cloned. From here on Go can make no thread.
func (c *container) joinPID(s *plan.JoinPID) error {
	fd, err := c.slot(s.Slot)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return os.NewSyscallError("setns", unix.Setns(fd, unix.CLONE_NEWPID))
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

// cloneInside clones the process that takes the steps after this one. It gets
// a copy of this memory and of the descriptors, in which by now there is
// nothing of the host but the socket. This process may be under the container's
// filter already: what it calls is in specconv's early.
func (c *container) cloneInside(index int, s *plan.CloneInside) error {
	last := &sys.Last{Program: c.program, Terminal: s.Terminal, SessionStep: uint32(index)}
	for i, step := range c.steps[index+1:] {
		at := uint32(index + 1 + i)
		switch s := step.(type) {
		case *plan.SetRlimits:
			last.LimitsStep, last.Limits = at, limits(s)
		case *plan.LoadSeccomp:
			last.FilterStep, last.Filter, last.Flags = at, s.Filter, filterFlags(s)
		case *plan.Execute:
			last.ProgramStep = at
			if s.Alone {
				last.Refusals = sys.Refusals("exec " + c.path.String() + ": ")
			}
		default:
			return fmt.Errorf("a cloned process can't %s", step)
		}
	}
	c.allowHugePages()
	last.Socket = c.conn.FD()
	last.Report = wire.Frame(wire.LastFailed, make([]byte, 8))
	pidfd, err := last.Clone()
	if err != nil {
		return err
	}
	if err := c.conn.Send(wire.Cloned, []byte(c.path.String()), pidfd); err != nil {
		return errGone
	}
	return errDone
}

// closeOthers closes every descriptor but the standard streams, those to
// preserve, and the socket, which comes after them.
func (c *container) closeOthers() error {
	socket := 3 + c.preserve
	if c.conn.FD() != socket {
		if err := retry.Dup3(c.conn.FD(), socket, unix.O_CLOEXEC); err != nil {
			return os.NewSyscallError("dup3", err)
		}
		c.conn = wire.FromFD(socket)
	}
	for _, fd := range c.holes {
		unix.Close(fd)
	}
	return sys.CloseOwn(socket + 1)
}
