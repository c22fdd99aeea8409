package create

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/builder"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// creator is a container whose processes are made here.
type creator struct {
	*builder.Builder
	waits  bool                  // init waits for start
	raised initlink.RaisedLimits // until init is made
}

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
func create(o *bundle.Options, run bool) (*creator, error) {
	command := "create"
	if run {
		command = "run"
	}
	b, err := builder.Begin(o, command, 3+o.ListenFDs+o.PreserveFDs, nil)
	if err != nil {
		return nil, err
	}
	c := &creator{Builder: b, waits: !run}
	err = c.build()
	if err == nil && c.waits {
		err = foreground.Commit(&c.Init, true)
	}
	if err != nil {
		return nil, c.Fail(err)
	}
	return c, nil
}

// build writes the intent, then takes the steps.
func (c *creator) build() error {
	if err := c.Owned.Save(); err != nil {
		return err
	}
	if c.waits {
		if err := c.Owned.Dir.MakeFifo(); err != nil {
			return err
		}
	}
	if err := c.MakeNotify(!c.waits); err != nil {
		return err
	}
	if err := c.Init.Run(c.do); err != nil {
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

// do carries out one step: those with an init that was made here. What else there is to
// be done is as at a restore.
func (c *creator) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.EnterSubcgroup:
		return c.Owned.Cgroup.EnterSub(s, c.Init.Pid)
	case *plan.MakeTree:
		return c.Sources.Make(s)
	case *plan.FindLayers:
		return c.Sources.FindLayers(s)
	case *plan.OpenPID:
		return c.Sources.OpenPID(s)
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
	case *plan.EnterRdtGroup:
		return c.Owned.Class.Enter(c.Init.Pid)
	case *plan.WatchCalls:
		return c.WatchCalls()
	case *plan.TakeListener:
		return c.Caller.TakeListener(&c.Init)
	case *plan.SendListener:
		st := c.Plan.Container.HookState(specs.StateCreating, c.Init.Pid)
		return c.Caller.SendListener(&c.Init, s, &st)
	case *plan.SetOOMScoreAdj:
		return initlink.SetOOMScoreAdj(c.Init.Pid, s)
	case *plan.RaiseRlimits:
		return c.raised.Raise(s)
	}
	return c.Do(item)
}

// giveStdio goes by the ids of the container, which init is in.
func (c *creator) giveStdio(s *plan.GiveStdio) error {
	uids, err := readUIDMap(c.Init.Pid)
	if err != nil {
		return err
	}
	return c.Caller.GiveStdio(s, uids)
}

// adoptLast makes the process that init has cloned in a pid namespace the container's.
// Whoever is root in there may stop it, or trace it and hold the connection: so it has
// to answer in time.
func (c *creator) adoptLast() error {
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
