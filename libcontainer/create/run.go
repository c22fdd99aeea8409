package create

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Run creates and starts a container. Detached, it returns once the process
// runs; else it waits for it, passing signals on, and returns its exit code:
// 128 and the signal's number if one ended it. The calling goroutine must be locked
// to its thread (spawn.Start).
func Run(o bundle.Options) (int, error) {
	if !o.Detach && !o.NoSubreaper {
		// Orphans of the container's that leave its pid namespace's reach
		// come to us. Best effort: it is a convenience.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	c, err := create(&o, true)
	if err != nil {
		return -1, err
	}
	if err = c.Init.Executed(c.hear); err == nil {
		err = libcontainer.HasExecuted(c.Owned.Journal.Init, c.Init.PidFD)
	}
	c.Caller.Executed()
	var failed *plan.StepError
	var init *wire.Failure
	if o.Detach && errors.As(err, &failed) && errors.As(err, &init) && init.Refused {
		o.Note(libcontainer.Refusal(failed))
		err = nil
	}
	if err == nil {
		err = c.WriteTrace()
	}
	if err != nil {
		return -1, c.Fail(err)
	}
	if err := c.Caller.Start(c.Init.PidFD); err != nil {
		return -1, c.Fail(err)
	}
	if err := c.Container().Poststart(c.Init.Pid, o.Warn); err != nil {
		defer c.Close()
		c.Init.Kill()
		return -1, errors.Join(err, c.Caller.Outputs.PidFile.Remove())
	}
	if err := foreground.Commit(&c.Init, o.Detach && o.NotifySocket == ""); err != nil {
		return -1, c.Fail(err)
	}
	defer c.Close()
	return c.Attend()
}

// hear waits until init says something, or for the end. If others may stop init, or trace
// it and keep its end of the connection, it does so no longer than they are let, and
// returns false.
func (c *creator) hear() (bool, error) {
	if c.Sources.PIDNS < 0 {
		return true, nil
	}
	c.Init.Conn.Extend(initlink.AnswerTime)
	told := libcontainer.NewGoing(c.Owned.Journal.Init, c.Init.PidFD, func() bool { return libcontainer.MayTakeLong(c.Spec) })
	return told.Hear(c.Init.Conn.FD(), time.Now())
}
