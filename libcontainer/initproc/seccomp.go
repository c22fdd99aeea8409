package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// filterFlags leaves TSYNC out: where Go's runtime is, it would put the other threads
// under the filter too, for the instant until execve ends them, and the filter may kill
// for what they do.
func filterFlags(s *plan.LoadSeccomp) uint32 { return s.Flags &^ unix.SECCOMP_FILTER_FLAG_TSYNC }

// loadSeccomp installs the filter for this thread.
func (c *container) loadSeccomp(s *plan.LoadSeccomp) error {
	// What comes later, under a filter that may refuse it.
	if err := c.getReady(); err != nil {
		return err
	}
	if err := c.endTrace(); err != nil {
		return err
	}
	listener, err := sys.LoadFilter(filterFlags(s), s.Filter)
	if err == nil && s.Notify {
		c.link.mark = s.Mark
		err = c.handOver(listener)
	}
	c.link.plain = true
	return err
}

// handOver sends the listener to the parent, and waits until the agent has it:
// only then a notification is answered. Nothing but sendmsg and
// recvmsg may happen in between, see seccomp.Compile.
func (c *container) handOver(listener int) error {
	if err := c.link.send(wire.Listener, nil, listener); err != nil {
		return err
	}
	_, err := c.link.receive(wire.Continue, &came)
	c.link.mark = 0
	raw.Close(listener) // or the agent's end would not be the end of it
	return err
}
