package builder

import (
	"errors"
	"fmt"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/watch"
	"github.com/crun-go/crun-go/specconv"
)

// Attend waits for the end of the container, which others may look at, and delete, while
// it runs. Detached, it waits until the container has reported that it is ready, if systemd
// waits for that.
func (b *Builder) Attend() (int, error) {
	if b.Options.Detach && b.notify == nil {
		return 0, nil
	}
	if err := b.Owned.Dir.Unlock(); err != nil {
		return -1, err
	}
	if b.Options.Detach {
		return 0, b.becomeReady()
	}
	told := b.relayReady()
	code, err := foreground.Attend(b.Init.Pid)
	if err != nil {
		return code, err
	}
	<-told
	err = b.Caller.End()
	if !b.Options.Keep {
		err = errors.Join(err, b.finish())
	}
	return code, errors.Join(err, b.endWatch())
}

// WatchCalls takes the filter's listener from init, and answers it from now on.
func (b *Builder) WatchCalls() error {
	job := &watch.Job{ID: b.Options.ID, Profile: b.Spec.Linux.Seccomp, Record: b.Options.Watched.Record}
	if f := b.Plan.Filter; f != nil {
		job.Filter = f.Filter
	}
	if job.Record {
		job.Needs = specconv.RuntimeCalls(b.Spec)
	}
	return b.Caller.WatchCalls(&b.Init, job)
}

// endWatch writes what was heard of system calls, if that was asked for.
func (b *Builder) endWatch() error {
	return b.Caller.EndWatch(func(text string) { b.Options.Note(specconv.Warning{Text: text}) })
}

// relayReady waits on the side: systemd, which watches this process, sees for
// itself if the container ends before it is ready.
func (b *Builder) relayReady() (told chan bool) {
	told = make(chan bool)
	if b.notify == nil {
		close(told)
		return told
	}
	go func() {
		defer close(told)
		rtstart.Unpin()
		if err := b.notify.Relay(b.Init.PidFD, 0); err != nil && !errors.Is(err, libcontainer.ErrNotReady) {
			b.Options.Note(specconv.Warning{Text: err.Error()})
		}
	}()
	return told
}

// becomeReady waits until a detached container has reported that it is ready. One
// that ends before is removed.
func (b *Builder) becomeReady() error {
	err := b.notify.Relay(b.Init.PidFD, b.Init.Pid)
	if errors.Is(err, libcontainer.ErrNotReady) {
		b.Init.Wait()
		if !b.Options.Keep {
			err = errors.Join(err, b.finish())
		}
	}
	return err
}

// finish removes a container that has ended, unless another process has.
func (b *Builder) finish() error {
	err := b.Owned.Dir.Lock()
	if errors.Is(err, state.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the container has ended, and is not removed: %w", err)
	}
	// It was waited for: its status is known.
	b.Owned.Journal.Init = state.Process{}
	return b.Container().Destroy(b.Options.Warn)
}
