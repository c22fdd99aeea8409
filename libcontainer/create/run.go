package create

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
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
	container := c.Container()
	if err := container.Poststart(c.Init.Pid, o.Warn); err != nil {
		defer c.Close()
		c.Init.Kill()
		return -1, errors.Join(err, c.Caller.Outputs.PidFile.Remove())
	}
	if err := foreground.Commit(&c.Init, o.Detach && c.notify == nil); err != nil {
		return -1, c.Fail(err)
	}
	defer c.Close()
	if o.Detach && c.notify == nil {
		return 0, nil
	}
	if o.Detach {
		// Others may look at the container, and delete it, while it runs.
		if err := c.Owned.Dir.Unlock(); err != nil {
			return -1, err
		}
		return 0, c.becomeReady(container)
	}
	return c.Attend(container)
}

// Attend waits for the end of the container, which others may look at, and
// delete, while it runs.
func (c *Builder) Attend(container *libcontainer.Container) (int, error) {
	if err := c.Owned.Dir.Unlock(); err != nil {
		return -1, err
	}
	told := c.relayReady()
	code, err := foreground.Attend(c.Init.Pid)
	if err != nil {
		return code, err
	}
	<-told
	err = c.Caller.End()
	if !c.Opts.Keep {
		err = errors.Join(err, c.finish(container))
	}
	return code, err
}

// hear waits until init says something, or for the end. If others may stop init, or trace
// it and keep its end of the connection, it does so no longer than they are let, and
// returns false.
func (c *Builder) hear() (bool, error) {
	if c.Sources.PIDNS < 0 {
		return true, nil
	}
	c.Init.Conn.Extend(initlink.AnswerTime)
	told := libcontainer.NewGoing(c.Owned.Journal.Init, c.Init.PidFD, func() bool { return libcontainer.MayTakeLong(c.Spec) })
	return told.Hear(c.Init.Conn.FD(), time.Now())
}

// becomeReady waits until a detached container has told that it is ready. One
// that ends before is removed.
func (c *Builder) becomeReady(container *libcontainer.Container) error {
	err := c.notify.Relay(c.Init.PidFD, c.Init.Pid)
	if errors.Is(err, libcontainer.ErrNotReady) {
		c.Init.Wait()
		if !c.Opts.Keep {
			err = errors.Join(err, c.finish(container))
		}
	}
	return err
}

// relayReady waits on the side: systemd, which watches this process, sees for
// itself if the container ends before it is ready.
func (c *Builder) relayReady() (told chan bool) {
	told = make(chan bool)
	if c.notify == nil {
		close(told)
		return told
	}
	go func() {
		defer close(told)
		rtstart.Unpin()
		if err := c.notify.Relay(c.Init.PidFD, 0); err != nil && !errors.Is(err, libcontainer.ErrNotReady) {
			c.Opts.Note(specconv.Warning{Text: err.Error()})
		}
	}()
	return told
}

// finish removes a container that has ended, unless somebody else has.
func (c *Builder) finish(container *libcontainer.Container) error {
	err := c.Owned.Dir.Lock()
	if errors.Is(err, state.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the container has ended, and is not removed: %w", err)
	}
	// It was waited for: nobody has to be asked.
	container.Journal.Init = state.Process{}
	return container.Destroy(c.Opts.Warn)
}

// pidfdReceiver is the annotation by which engines without a flag for it ask
// for a pidfd.
const pidfdReceiver = "run.oci.pidfd_receiver"

// SendPidfd hands out a pidfd of init, to who asks on the command line and to
// who asks in config.json.
func (c *Builder) SendPidfd() error {
	if path := c.Opts.PidfdSocket; path != "" {
		if err := foreground.SendDescriptor(path, "standard", c.Init.PidFD); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if path := c.Spec.Annotations[pidfdReceiver]; path != "" {
		if err := foreground.SendDescriptor(path, "standard", c.Init.PidFD); err != nil {
			return plan.InField("annotations."+pidfdReceiver, err)
		}
	}
	return nil
}
