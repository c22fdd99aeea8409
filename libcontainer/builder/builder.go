// Package builder is a container while it is being made, be it by create, which makes its
// processes, or by restore, which has CRIU make them.
package builder

import (
	"errors"
	"fmt"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Builder is a container while it is being made: what it owns is removed by Fail, or by
// delete from the state file.
type Builder struct {
	*bundle.Bundle
	Options *bundle.Options
	Owned   *resource.Set
	Sources sources.Set
	Init    initlink.Init
	Caller  foreground.Side

	notify   *libcontainer.Notifier // of a run for which systemd waits
	ranHooks bool                   // so must poststop's
}

// Begin reads the bundle, makes the plan, that of a restore if there is an image, and
// makes the state directory. The journal, which is not saved yet, names what the plan will
// make. No child inherits what the caller has open as descriptor number descriptors or above.
func Begin(o *bundle.Options, command string, descriptors int, image *specconv.Image) (*Builder, error) {
	if err := state.CheckID(o.ID); err != nil {
		return nil, err
	}
	if err := sys.CheckKernel(); err != nil {
		return nil, err
	}
	if err := sys.FenceFrom(descriptors); err != nil {
		return nil, err
	}
	trace := initlink.NewTrace(&o.Trace, command, o.ID)
	var loaded *bundle.Bundle
	err := trace.Time("", initlink.Planning, func() (err error) {
		loaded, err = bundle.Load(o, command != "create", command == "create" || o.Detach, image)
		return err
	})
	if loaded != nil {
		for _, w := range loaded.Warnings {
			o.Note(w)
		}
	}
	if err != nil {
		return nil, err
	}
	b := &Builder{Bundle: loaded, Options: o, Caller: foreground.Side{ConsoleSocket: o.ConsoleSocket}}
	root := b.Plan.Container.Rootfs
	b.Sources = sources.New(root, b.Host.UserNS)
	b.Sources.Plan, b.Init.Plan, b.Init.Trace = b.Plan, b.Plan, trace
	b.Init.Owner, b.Init.Root = b, root
	if err := b.openOutputs(); err != nil {
		return nil, err
	}
	sys.CatchSignals()
	dir, err := state.Create(o.Root, o.ID)
	if err != nil {
		b.Caller.Outputs.Close()
		return nil, err
	}
	b.Owned = resource.Of(dir, b.Journal(o))
	b.Owned.Intend(b.Plan, b.Hierarchy)
	return b, nil
}

func (b *Builder) openOutputs() error {
	o := b.Options
	err := b.Caller.Outputs.Open(o.PidFile, &o.Trace, "")
	if err == nil {
		err = b.Caller.Outputs.OpenCalls(o.Watched.Flag(), o.Watched.File)
	}
	if err != nil {
		b.Caller.Outputs.Close()
	}
	return err
}

// Cgroup is init's.
func (b *Builder) Cgroup() *cgroups.Cgroup { return b.Owned.Cgroup.Group }

// TakeTerminal takes over the master of the terminal that init has made.
func (b *Builder) TakeTerminal(master int) error { return b.Caller.TakeTerminal(master) }

// Container is the container as it is once it is made.
func (b *Builder) Container() *libcontainer.Container { return libcontainer.Of(b.Owned) }

// MakeNotify makes the directory of the socket on which a systemd service reports that it
// is ready. If relay, this process listens there at once.
func (b *Builder) MakeNotify(relay bool) error {
	host := b.Options.NotifySocket
	if host == "" {
		return nil
	}
	err := b.Owned.Dir.MakeNotify()
	if err == nil && relay {
		b.notify, err = libcontainer.NewNotifier(b.Owned.Dir, host)
	}
	return err
}

// pidfdReceiver is the annotation by which engines without a flag for it ask
// for a pidfd.
const pidfdReceiver = "run.oci.pidfd_receiver"

// SendPidfd sends a pidfd of init to the sockets that the command line and config.json name.
func (b *Builder) SendPidfd() error {
	if path := b.Options.PidfdSocket; path != "" {
		if err := foreground.SendDescriptor(path, "standard", b.Init.PidFD); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if path := b.Spec.Annotations[pidfdReceiver]; path != "" {
		if err := foreground.SendDescriptor(path, "standard", b.Init.PidFD); err != nil {
			return plan.InField("annotations."+pidfdReceiver, err)
		}
	}
	return nil
}

// WriteTrace writes what was traced, if that is asked for.
func (b *Builder) WriteTrace() error { return b.Init.Trace.Write(&b.Caller.Outputs.Trace, b.Plan) }

// Fail removes what was made, as delete would, and returns err with the errors of that.
func (b *Builder) Fail(err error) error {
	return errors.Join(initlink.Interruption(err), b.WriteTrace(), b.endWatch(), b.undo())
}

func (b *Builder) undo() error {
	// What is not needed any more goes first: there may be no descriptor left.
	b.Sources.Drop()
	b.Sources.Unmap()
	b.Init.Unseal()
	if !b.ranHooks {
		b.Owned.Journal.Poststop = nil
	}
	end := func() error {
		err := b.Init.Kill()
		b.Owned.Journal.Init = state.Process{} // reaped: its status is known
		return err
	}
	err := b.Container().Remove(end, b.Options.Note)
	err = errors.Join(err, b.Caller.Outputs.PidFile.Remove())
	b.Close()
	return err
}

// Close releases descriptors; the container goes on.
func (b *Builder) Close() {
	b.Caller.Close()
	b.Sources.Close()
	if b.notify != nil {
		b.notify.Close()
	}
	b.Init.Close()
	b.Owned.Close()
	b.Owned.Dir.Close()
}
