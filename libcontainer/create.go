package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// creation is a container while it is being made. Its methods are the parent's
// steps; what they make is undone by undo, or by delete from the journal.
type creation struct {
	*blueprint
	opts     *Options
	dir      *state.Dir
	journal  state.State
	cgroup   *cgroups.Cgroup
	unit     *unit   // of systemd's, whose cgroup that is; nil: none
	sources  sources // for init
	init     initlink.Init
	fg       foreground
	netns    int       // of the container, while devices of the host are in it for the time being; or 0
	listener int       // of the filter, until the agent has it; or -1
	notify   *notifier // of run, if systemd waits for the container

	waits     bool         // init waits for start
	shared    bool         // the cgroup is another container's, too
	raised    raisedLimits // until init is made
	leftClass bool         // the class of service was made here, and outlives the container
	ranHooks  bool         // so must poststop's
}

// newCreation is a container of which nothing is made yet.
func newCreation(b *blueprint, o *Options) *creation {
	c := &creation{blueprint: b, opts: o, sources: newSources(b.plan.Container.Rootfs, b.host.UserNS), fg: foreground{consoleSocket: o.ConsoleSocket}, listener: -1}
	c.sources.plan, c.init.Plan = b.plan, b.plan
	c.init.Owner, c.init.Root = c, b.plan.Container.Rootfs
	return c
}

// Cgroup is init's.
func (c *creation) Cgroup() *cgroups.Cgroup { return c.cgroup }

// TakeTerminal takes over the master of the terminal that init has made.
func (c *creation) TakeTerminal(master int) error { return c.fg.takeTerminal(master) }

// Create makes a container and leaves it waiting for start. The calling goroutine
// must be locked to its thread (spawn.Start).
func Create(o Options) error {
	c, err := create(&o, false)
	if err != nil {
		return err
	}
	c.close()
	return nil
}

// create carries out the parent's half of the plan. On error nothing is left.
func create(o *Options, run bool) (*creation, error) {
	if err := state.CheckID(o.ID); err != nil {
		return nil, err
	}
	if err := sys.CheckKernel(); err != nil {
		return nil, err
	}
	if err := sys.FenceFrom(3 + o.ListenFDs + o.PreserveFDs); err != nil {
		return nil, err
	}
	b, err := draw(o, run, !run || o.Detach, nil)
	if b != nil {
		for _, w := range b.warnings {
			o.warn(w)
		}
	}
	if err != nil {
		return nil, err
	}
	c := newCreation(b, o)
	if o.Trace != "" {
		c.init.Trace = new(initlink.Trace)
	}
	if err := c.fg.outputs.open(o.PidFile, o.Trace, ""); err != nil {
		return nil, err
	}
	sys.CatchSignals()
	if c.dir, err = state.Create(o.Root, o.ID); err != nil {
		c.fg.outputs.close()
		return nil, err
	}
	c.waits = !run
	err = c.build(run)
	if err == nil && c.waits {
		err = commit(&c.init, true)
	}
	if err != nil {
		return nil, c.fail(err)
	}
	return c, nil
}

// build writes the intent, then takes the steps.
func (c *creation) build(run bool) error {
	c.journal = c.intent()
	c.nameCgroup()
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	if c.waits {
		if err := c.dir.MakeFifo(); err != nil {
			return err
		}
	}
	if err := c.makeNotify(run); err != nil {
		return err
	}
	if err := c.init.Run(c.do); err != nil {
		return err
	}
	if c.journal.Status != specs.StateCreated {
		c.journal.Status = specs.StateCreated
		c.settle()
		if err := c.dir.Save(&c.journal); err != nil {
			return err
		}
	}
	if err := c.sendPidfd(); err != nil {
		return err
	}
	if c.waits {
		if err := c.init.Trace.Write(c.fg.outputs.trace, c.plan); err != nil {
			return err
		}
		if err := c.dir.PublishFifo(); err != nil {
			return err
		}
	}
	return c.fg.outputs.writePidFile(c.init.Pid)
}

// intent is the journal before anything is made.
func (c *creation) intent() state.State {
	s := state.State{
		Container: c.plan.Container,
		Config:    c.config,
		Status:    specs.StateCreating,
		Created:   time.Now().UTC(),
		Rootless:  c.rootless,
		Poststart: c.plan.Poststart,
		Poststop:  c.plan.Poststop,

		NoNewKeyring: c.opts.NoNewKeyring,
	}
	if c.spec.Linux != nil {
		s.Namespaces = c.spec.Linux.Namespaces
	}
	return s
}

// makeNotify makes what a service of systemd's needs to say that it is ready.
// In run it may say so at once.
func (c *creation) makeNotify(run bool) error {
	host := c.opts.NotifySocket
	if host == "" {
		return nil
	}
	err := c.dir.MakeNotify()
	if err == nil && run {
		c.notify, err = newNotifier(c.dir, host)
	}
	return err
}

// do carries out one step of the parent.
func (c *creation) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.CreateCgroup:
		return c.createCgroup(s)
	case *plan.StartUnit:
		return c.prepareUnit(s)
	case *plan.SetResources:
		return c.setResources(s)
	case *plan.SetDevices:
		return c.setDevices(s)
	case *plan.EnterSubcgroup:
		return c.enterSubcgroup(s)
	case *plan.SetPids:
		return c.setPids(s)
	case *plan.OpenTree:
		return c.openSource(s)
	case *plan.MakeTree:
		return c.sources.make(s)
	case *plan.OpenPID:
		return c.sources.openPID(s)
	case *plan.LockTrees:
		return c.sources.lock()
	case *plan.SendTrees:
		return c.sources.send(s, &c.init)
	case *plan.MapTree:
		return c.sources.mapLent(s, &c.init)
	case *plan.Spawn:
		return c.spawn(s)
	case *plan.PipeStdio:
		return c.fg.pipeStdio()
	case *plan.GiveStdio:
		return c.giveStdio(s)
	case *plan.Await:
		_, err := c.init.Await(s.Phase)
		if err == nil && s.Phase == plan.Ready {
			c.init.EndProgress()
		}
		return err
	case *plan.MoveInside:
		if err := c.cgroup.Add(c.init.Pid); err != nil {
			return err
		}
		return c.aloneInCgroup()
	case *plan.Continue:
		if err := c.init.Continue(); err != nil {
			return err
		}
		return c.init.Reap() // whose end may take a while
	case *plan.Adopt:
		return c.adoptLast()
	case *plan.SetScheduler:
		return setScheduler(c.init.Pid, s)
	case *plan.OpenLog:
		return c.openLog(s)
	case *plan.MakeRdtGroup:
		root, err := resctrl.Find()
		if err != nil {
			return err
		}
		return c.makeRdtGroup(root, s)
	case *plan.EnterRdtGroup:
		return enterRdt(&c.journal.Rdt, c.init.Pid)
	case *plan.MoveNetDevice:
		return c.moveNetDevice(s)
	case *plan.TakeListener:
		return takeListener(&c.init, &c.listener)
	case *plan.SendListener:
		return c.sendListener(s)
	case *plan.RunHooks:
		return c.runHooks(s)
	case *plan.SetOOMScoreAdj:
		return setOOMScoreAdj(c.init.Pid, s)
	case *plan.RaiseRlimits:
		return c.raised.raise(s)
	}
	return fmt.Errorf("no such step: %s", item.Step)
}

// giveStdio goes by the ids of the container, which init is in.
func (c *creation) giveStdio(s *plan.GiveStdio) error {
	uids, err := readUIDMap(c.init.Pid)
	if err != nil {
		return err
	}
	return c.fg.giveStdio(s, uids)
}

// adoptLast makes the process that init has cloned in a pid namespace the container's.
// Whoever is root in there may stop it, or trace it and hold the connection: so it has
// to answer in time.
func (c *creation) adoptLast() error {
	err := c.init.Adopt()
	if err == nil {
		err = c.init.Conn.Bound(initlink.AnswerTime)
	}
	if err == nil {
		c.journal.Init, err = identify(c.init.Pid)
	}
	if err == nil {
		err = c.dir.Save(&c.journal)
	}
	return err
}

// openSource opens a tree, which may be that of the container's cgroup.
func (c *creation) openSource(s *plan.OpenTree) error {
	cgroup := ""
	if c.cgroup != nil {
		cgroup = c.cgroup.Dir()
	}
	return c.sources.open(s, cgroup)
}

func (c *creation) runHooks(s *plan.RunHooks) error {
	c.ranHooks = true
	st := c.plan.Container.HookState(s.Status, c.init.Pid)
	log := hooks.Log{Stdout: c.logFD(s.Log.Stdout), Stderr: c.logFD(s.Log.Stderr)}
	return log.Run(s.Kind, s.Hooks, plan.AppendState(nil, &st), c.opts.Bundle, os.Environ())
}

// fail undoes a creation, and tells why.
func (c *creation) fail(err error) error { return errors.Join(initlink.Interruption(err), c.undo()) }

// undo removes everything a failed create has made, as delete would.
func (c *creation) undo() error {
	// What is not needed any more goes first: there may be no descriptor left.
	c.sources.drop()
	c.sources.unmap()
	c.init.Unseal()
	if c.shared || c.cgroup == nil && (c.unit == nil || !c.unit.tried) {
		c.journal.Cgroup = state.Cgroup{} // named there, and not the container's
	}
	if !c.ranHooks {
		c.journal.Poststop = nil
	}
	container := c.container()
	end := func() error {
		err := c.init.Kill()
		c.journal.Init = state.Process{} // reaped: nobody has to be asked
		return err
	}
	err := container.remove(end, c.opts.warn)
	if c.shared {
		c.cgroup.Abandon()
	}
	err = errors.Join(err, c.fg.outputs.pidFile.Remove())
	c.close()
	return err
}

// container is the container as who finds it made.
func (c *creation) container() *Container {
	return &Container{dir: c.dir, journal: &c.journal, group: c.cgroup, netns: c.netns}
}

// close releases descriptors; the container goes on.
func (c *creation) close() {
	c.fg.close()
	c.sources.close()
	c.closeNetwork()
	if c.listener >= 0 {
		unix.Close(c.listener)
		c.listener = -1
	}
	if c.notify != nil {
		c.notify.close()
	}
	c.init.Close()
	if c.cgroup != nil {
		c.cgroup.Close()
	}
	if c.unit != nil {
		c.unit.conn.Close()
	}
	c.dir.Close()
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
func (c *creation) openLog(s *plan.OpenLog) error {
	fd, err := sys.OpenAppend(s.Path, 0o600, false)
	if err != nil {
		return err
	}
	c.sources.keep(s.Slot, plan.Tree{FD: fd})
	return nil
}

// logFD gives the descriptor of a slot counted from 1; 0: none.
func (c *creation) logFD(slot int) int {
	if slot == 0 {
		return 0
	}
	return c.sources.trees[slot-1].FD
}

// sendListener hands the listener to the agent, and takes it from init before if that
// has not been done. A container without its agent would hang at the first notification,
// so there is none.
func (c *creation) sendListener(s *plan.SendListener) error {
	waits := c.listener < 0
	if waits {
		var err error
		if c.listener, err = c.init.Listener(); err != nil {
			return err
		}
	}
	st := c.plan.Container.HookState(specs.StateCreating, c.init.Pid)
	if err := handListener(&c.listener, s, &st, c.init.Pid); err != nil || !waits {
		return err
	}
	return c.init.Continue()
}
