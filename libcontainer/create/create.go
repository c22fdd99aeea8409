package create

import (
	"errors"
	"fmt"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Builder is a container while it is being made. Its methods are the parent's
// steps; what they make is removed by Undo, or by delete from the journal.
type Builder struct {
	*bundle.Bundle
	Opts     *bundle.Options
	Owned    *resource.Set
	Sources  sources.Set // for init
	Init     initlink.Init
	Caller   foreground.Side
	listener int                    // of the filter, until the agent has it; or -1
	notify   *libcontainer.Notifier // of run, if systemd waits for the container

	waits    bool                  // init waits for start
	raised   initlink.RaisedLimits // until init is made
	ranHooks bool                  // so must poststop's
}

// New is a container of which nothing is made yet.
func New(b *bundle.Bundle, o *bundle.Options) *Builder {
	c := &Builder{Bundle: b, Opts: o, Sources: sources.New(b.Plan.Container.Rootfs, b.Host.UserNS), Caller: foreground.Side{ConsoleSocket: o.ConsoleSocket}, listener: -1}
	c.Sources.Plan, c.Init.Plan = b.Plan, b.Plan
	c.Init.Owner, c.Init.Root = c, b.Plan.Container.Rootfs
	return c
}

// Cgroup is init's.
func (c *Builder) Cgroup() *cgroups.Cgroup { return c.Owned.Cgroup.Group }

// TakeTerminal takes over the master of the terminal that init has made.
func (c *Builder) TakeTerminal(master int) error { return c.Caller.TakeTerminal(master) }

// Create makes a container and leaves it waiting for start. The calling goroutine
// must be locked to its thread (spawn.Start).
func Create(o bundle.Options) error {
	c, err := create(&o, false)
	if err != nil {
		return err
	}
	c.Close()
	return nil
}

// create carries out the parent's half of the plan. On error nothing is left.
func create(o *bundle.Options, run bool) (*Builder, error) {
	if err := state.CheckID(o.ID); err != nil {
		return nil, err
	}
	if err := sys.CheckKernel(); err != nil {
		return nil, err
	}
	if err := sys.FenceFrom(3 + o.ListenFDs + o.PreserveFDs); err != nil {
		return nil, err
	}
	command := "create"
	if run {
		command = "run"
	}
	trace := initlink.NewTrace(o.Trace != "", command, o.ID)
	var b *bundle.Bundle
	err := trace.Time("", initlink.Planning, func() (err error) {
		b, err = bundle.Load(o, run, !run || o.Detach, nil)
		return err
	})
	if b != nil {
		for _, w := range b.Warnings {
			o.Note(w)
		}
	}
	if err != nil {
		return nil, err
	}
	c := New(b, o)
	c.Init.Trace = trace
	if err := c.Caller.Outputs.Open(o.PidFile, o.Trace, ""); err != nil {
		return nil, err
	}
	sys.CatchSignals()
	if err := c.Begin(); err != nil {
		return nil, err
	}
	c.waits = !run
	err = c.build(run)
	if err == nil && c.waits {
		err = foreground.Commit(&c.Init, true)
	}
	if err != nil {
		return nil, c.Fail(err)
	}
	return c, nil
}

// WriteTrace writes what was traced, if that is asked for.
func (c *Builder) WriteTrace() error { return c.Init.Trace.Write(c.Caller.Outputs.Trace, c.Plan) }

// Begin makes the state directory, and names in the journal what will be made.
func (c *Builder) Begin() error {
	dir, err := state.Create(c.Opts.Root, c.Opts.ID)
	if err != nil {
		c.Caller.Outputs.Close()
		return err
	}
	c.Owned = resource.Of(dir, c.intent())
	c.Owned.Intend(c.Plan, c.Hierarchy)
	return nil
}

// build writes the intent, then takes the steps.
func (c *Builder) build(run bool) error {
	if err := c.Owned.Save(); err != nil {
		return err
	}
	if c.waits {
		if err := c.Owned.Dir.MakeFifo(); err != nil {
			return err
		}
	}
	if err := c.MakeNotify(run); err != nil {
		return err
	}
	if err := c.Init.Run(c.Do); err != nil {
		return err
	}
	if c.Owned.Journal.Status != specs.StateCreated {
		if err := c.Owned.Created(); err != nil {
			return err
		}
	}
	if err := c.SendPidfd(); err != nil {
		return err
	}
	if c.waits {
		if err := c.WriteTrace(); err != nil {
			return err
		}
		if err := c.Owned.Dir.PublishFifo(); err != nil {
			return err
		}
	}
	return c.Caller.Outputs.WritePidFile(c.Init.Pid)
}

// intent is the journal before anything is made.
func (c *Builder) intent() *state.State {
	s := &state.State{
		Container: c.Plan.Container,
		Config:    c.Config,
		Status:    specs.StateCreating,
		Created:   time.Now().UTC(),
		Rootless:  c.Rootless,
		Poststart: c.Plan.Poststart,
		Poststop:  c.Plan.Poststop,

		NoNewKeyring: c.Opts.NoNewKeyring,
	}
	if c.Spec.Linux != nil {
		s.Namespaces = c.Spec.Linux.Namespaces
	}
	return s
}

// MakeNotify makes what a service of systemd's needs to say that it is ready.
// In run it may say so at once.
func (c *Builder) MakeNotify(run bool) error {
	host := c.Opts.NotifySocket
	if host == "" {
		return nil
	}
	err := c.Owned.Dir.MakeNotify()
	if err == nil && run {
		c.notify, err = libcontainer.NewNotifier(c.Owned.Dir, host)
	}
	return err
}

// Do carries out one step of the parent.
func (c *Builder) Do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.CreateCgroup:
		return c.unlimited(s, c.Owned.Cgroup.Create(s))
	case *plan.StartUnit:
		return c.Owned.Unit.Prepare(s, c.Plan.Parent)
	case *plan.SetResources:
		return c.Owned.Cgroup.Limit(s.Resources)
	case *plan.SetDevices:
		return c.Owned.Cgroup.SetDevices(s)
	case *plan.EnterSubcgroup:
		return c.Owned.Cgroup.EnterSub(s, c.Init.Pid)
	case *plan.SetPids:
		return c.Owned.Unit.LimitPids(s.Limit)
	case *plan.OpenTree:
		return c.openSource(s)
	case *plan.MakeTree:
		return c.Sources.Make(s)
	case *plan.FindLayers:
		return c.Sources.FindLayers(s)
	case *plan.OpenPID:
		return c.Sources.OpenPID(s)
	case *plan.LockTrees:
		return c.Sources.Lock()
	case *plan.SendTrees:
		return c.Sources.Send(s, &c.Init)
	case *plan.MapTree:
		return c.Sources.MapLent(s, &c.Init)
	case *plan.Spawn:
		return c.spawn(s)
	case *plan.PipeStdio:
		return c.Caller.PipeStdio()
	case *plan.GiveStdio:
		return c.giveStdio(s)
	case *plan.Await:
		_, err := c.Init.Await(s.Phase)
		if err == nil && s.Phase == plan.Ready {
			c.Init.EndProgress()
		}
		return err
	case *plan.MoveInside:
		return c.moveInside()
	case *plan.Continue:
		if err := c.Init.Continue(); err != nil {
			return err
		}
		return c.Init.Reap() // whose end may take a while
	case *plan.ReceivePidfd:
		return c.adoptLast()
	case *plan.SetScheduler:
		return initlink.SetScheduler(c.Init.Pid, s)
	case *plan.OpenLog:
		return c.openLog(s)
	case *plan.MakeRdtGroup:
		return c.Owned.Class.Make(s)
	case *plan.EnterRdtGroup:
		return c.Owned.Class.Enter(c.Init.Pid)
	case *plan.MoveNetDevice:
		return c.Owned.Devices.Move(s)
	case *plan.TakeListener:
		return foreground.TakeListener(&c.Init, &c.listener)
	case *plan.SendListener:
		return c.sendListener(s)
	case *plan.RunHooks:
		return c.runHooks(s)
	case *plan.SetOOMScoreAdj:
		return initlink.SetOOMScoreAdj(c.Init.Pid, s)
	case *plan.RaiseRlimits:
		return c.raised.Raise(s)
	}
	return fmt.Errorf("no such step: %s", item.Step)
}

// giveStdio goes by the ids of the container, which init is in.
func (c *Builder) giveStdio(s *plan.GiveStdio) error {
	uids, err := readUIDMap(c.Init.Pid)
	if err != nil {
		return err
	}
	return c.Caller.GiveStdio(s, uids)
}

// adoptLast makes the process that init has cloned in a pid namespace the container's.
// Whoever is root in there may stop it, or trace it and hold the connection: so it has
// to answer in time.
func (c *Builder) adoptLast() error {
	err := c.Init.Adopt()
	if err == nil {
		err = c.Init.Conn.Bound(initlink.AnswerTime)
	}
	if err == nil {
		c.Owned.Journal.Init, err = state.Identify(c.Init.Pid)
	}
	if err == nil {
		err = c.Owned.Save()
	}
	return err
}

// openSource opens a tree, which may be that of the container's cgroup.
func (c *Builder) openSource(s *plan.OpenTree) error {
	cgroup := ""
	if group := c.Cgroup(); group != nil {
		cgroup = group.Dir()
	}
	return c.Sources.Open(s, cgroup)
}

func (c *Builder) runHooks(s *plan.RunHooks) error {
	c.ranHooks = true
	st := c.Plan.Container.HookState(s.Status, c.Init.Pid)
	log := hooks.Log{Stdout: c.logFD(s.Log.Stdout), Stderr: c.logFD(s.Log.Stderr)}
	return log.Run(s.Kind, s.Hooks, plan.AppendState(nil, &st), c.Opts.Bundle, os.Environ())
}

// Fail removes what was made, and tells why.
func (c *Builder) Fail(err error) error {
	err = initlink.Interruption(err)
	return errors.Join(err, c.WriteTrace(), c.Undo())
}

// Undo removes everything a failed create has made, as delete would.
func (c *Builder) Undo() error {
	// What is not needed any more goes first: there may be no descriptor left.
	c.Sources.Drop()
	c.Sources.Unmap()
	c.Init.Unseal()
	if !c.ranHooks {
		c.Owned.Journal.Poststop = nil
	}
	end := func() error {
		err := c.Init.Kill()
		c.Owned.Journal.Init = state.Process{} // reaped: nobody has to be asked
		return err
	}
	err := c.Container().Remove(end, c.Opts.Note)
	err = errors.Join(err, c.Caller.Outputs.PidFile.Remove())
	c.Close()
	return err
}

// Container is the container as it is once it is made.
func (c *Builder) Container() *libcontainer.Container { return libcontainer.Of(c.Owned) }

// Close releases descriptors; the container goes on.
func (c *Builder) Close() {
	c.Caller.Close()
	c.Sources.Close()
	if c.listener >= 0 {
		unix.Close(c.listener)
		c.listener = -1
	}
	if c.notify != nil {
		c.notify.Close()
	}
	c.Init.Close()
	c.Owned.Close()
	c.Owned.Dir.Close()
}

// readUIDMap reads the user ids of a process's user namespace.
func readUIDMap(pid int) ([]specs.LinuxIDMapping, error) {
	process, err := sys.HostProcess(pid)
	if err != nil {
		return nil, err
	}
	defer process.Close()
	data, err := process.Read("uid_map")
	if err != nil {
		return nil, err
	}
	return proc.ParseIDMap(data)
}

// openLog opens a file for hooks' output into its slot.
func (c *Builder) openLog(s *plan.OpenLog) error {
	fd, err := sys.OpenAppend(s.Path, 0o600, false)
	if err != nil {
		return err
	}
	c.Sources.Keep(s.Slot, plan.Tree{FD: fd})
	return nil
}

// logFD gives the descriptor of a slot counted from 1; 0: none.
func (c *Builder) logFD(slot int) int {
	if slot == 0 {
		return 0
	}
	return c.Sources.Trees[slot-1].FD
}

// sendListener hands the listener to the agent, and takes it from init before if that
// has not been done. A container without its agent would hang at the first notification,
// so there is none.
func (c *Builder) sendListener(s *plan.SendListener) error {
	waits := c.listener < 0
	if waits {
		var err error
		if c.listener, err = c.Init.Listener(); err != nil {
			return err
		}
	}
	st := c.Plan.Container.HookState(specs.StateCreating, c.Init.Pid)
	if err := foreground.HandListener(&c.listener, s, &st, c.Init.Pid); err != nil || !waits {
		return err
	}
	return c.Init.Continue()
}
