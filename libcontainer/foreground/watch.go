package foreground

import (
	"fmt"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/watch"
)

// WatchCalls takes the listener from init, which goes on, and answers it until EndWatch.
func (f *Side) WatchCalls(init *initlink.Init, job *watch.Job) error {
	listener, err := init.Listener()
	if err != nil {
		return err
	}
	if f.watch, err = watch.Start(job, listener, init.Pid); err != nil {
		return err
	}
	return init.Continue()
}

// Executed is for when the process has executed its program.
func (f *Side) Executed() {
	if f.watch != nil {
		f.watch.Executed()
	}
}

// EndWatch writes what was heard of system calls, if that was asked for.
func (f *Side) EndWatch(warn func(string)) error {
	if f.watch == nil {
		return nil
	}
	text, warnings := f.watch.End()
	f.watch = nil
	for _, w := range warnings {
		warn(w)
	}
	if err := f.Outputs.Calls.Write(text, 0o644); err != nil {
		return fmt.Errorf("%s: %w", f.Outputs.callsFlag, err)
	}
	return nil
}
