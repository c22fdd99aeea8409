package libcontainer

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/early"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Run creates and starts a container. Detached, it returns once the process
// runs; else it waits for it, passing signals on, and returns its exit code:
// 128 and the signal's number if one ended it. The calling goroutine must be locked
// to its thread (spawn.Start).
func Run(o Options) (int, error) {
	if !o.Detach && !o.NoSubreaper {
		// Orphans of the container's that leave its pid namespace's reach
		// come to us. Best effort: it is a convenience.
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	c, err := create(&o, true)
	if err != nil {
		return -1, err
	}
	if err = c.init.Executed(c.hear); err == nil {
		err = errors.Join(hasExecuted(c.journal.Init, c.init.PidFD), c.init.Trace.Write(c.fg.outputs.trace, c.plan))
	}
	var failed *plan.StepError
	var init *wire.Failure
	if o.Detach && errors.As(err, &failed) && errors.As(err, &init) && init.Refused {
		o.warn(refusal(failed))
		err = nil
	}
	if err != nil {
		return -1, c.fail(err)
	}
	if err := c.fg.start(c.init.PidFD); err != nil {
		return -1, c.fail(err)
	}
	container := c.container()
	if err := container.poststart(c.init.Pid, o.Warn); err != nil {
		defer c.close()
		c.init.Kill()
		return -1, errors.Join(err, c.fg.outputs.pidFile.Remove())
	}
	if err := commit(&c.init, o.Detach && c.notify == nil); err != nil {
		return -1, c.fail(err)
	}
	defer c.close()
	if o.Detach && c.notify == nil {
		return 0, nil
	}
	if o.Detach {
		// Others may look at the container, and delete it, while it runs.
		if err := c.dir.Unlock(); err != nil {
			return -1, err
		}
		return 0, c.becomeReady(container)
	}
	return c.foreground(container)
}

// foreground waits for the end of the container, which others may look at, and
// delete, while it runs.
func (c *creation) foreground(container *Container) (int, error) {
	if err := c.dir.Unlock(); err != nil {
		return -1, err
	}
	told := c.relayReady()
	code, err := attend(c.init.Pid)
	if err != nil {
		return code, err
	}
	<-told
	err = c.fg.end()
	if !c.opts.Keep {
		err = errors.Join(err, c.finish(container))
	}
	return code, err
}

// hear waits until init says something, or for the end. If others may stop init, or trace
// it and keep its end of the connection, it does so no longer than they are let, and
// returns false.
func (c *creation) hear() (bool, error) {
	if c.sources.pidns < 0 {
		return true, nil
	}
	c.init.Conn.Extend(initlink.AnswerTime)
	told := newGoing(c.journal.Init, c.init.PidFD, func() bool { return takesItsTime(c.spec) })
	return told.hear(c.init.Conn.FD(), time.Now())
}

// becomeReady waits until a detached container has told that it is ready. One
// that ends before is removed.
func (c *creation) becomeReady(container *Container) error {
	err := c.notify.relay(c.init.PidFD, c.init.Pid)
	if errors.Is(err, errNotReady) {
		c.init.Wait()
		if !c.opts.Keep {
			err = errors.Join(err, c.finish(container))
		}
	}
	return err
}

// relayReady waits on the side: systemd, which watches this process, sees for
// itself if the container ends before it is ready.
func (c *creation) relayReady() (told chan bool) {
	told = make(chan bool)
	if c.notify == nil {
		close(told)
		return told
	}
	go func() {
		defer close(told)
		early.Unpin()
		if err := c.notify.relay(c.init.PidFD, 0); err != nil && !errors.Is(err, errNotReady) {
			c.opts.warn(specconv.Warning{Text: err.Error()})
		}
	}()
	return told
}

// finish removes a container that has ended, unless somebody else has.
func (c *creation) finish(container *Container) error {
	err := c.dir.Lock()
	if errors.Is(err, state.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the container has ended, and is not removed: %w", err)
	}
	// It was waited for: nobody has to be asked.
	container.journal.Init = state.Process{}
	return container.destroy(c.opts.Warn)
}

// pidfdReceiver is the annotation by which engines without a flag for it ask
// for a pidfd.
const pidfdReceiver = "run.oci.pidfd_receiver"

// sendPidfd hands out a pidfd of init, to who asks on the command line and to
// who asks in config.json.
func (c *creation) sendPidfd() error {
	if path := c.opts.PidfdSocket; path != "" {
		if err := sendDescriptor(path, "standard", c.init.PidFD); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if path := c.spec.Annotations[pidfdReceiver]; path != "" {
		if err := sendDescriptor(path, "standard", c.init.PidFD); err != nil {
			return plan.InField("annotations."+pidfdReceiver, err)
		}
	}
	return nil
}
