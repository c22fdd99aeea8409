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
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/terminal"
	"github.com/crun-go/crun-go/libcontainer/wire"
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
	unit     *unit         // of systemd's, whose cgroup that is; nil: none
	trees    []plan.Tree   // for init, by slot
	mapping  *mapping      // of the last id-mapped tree; nil: none
	rootfs   int           // the root filesystem's directory, where init starts
	self     spawn.Sealed  // this program, for init
	spawned  *spawn.Config // how init was made
	init     *spawn.Process
	former   *spawn.Process  // init before it cloned that, told to end and not reaped yet
	pidns    int             // the pid namespace that is joined last; or -1
	progress *wire.Progress  // where init is, until it is ready; of exec, until it executes
	terminal bool            // init has still to send the master of its terminal
	netns    int             // of the container, while devices of the host are in it for the time being; or -1
	relay    *terminal.Relay // of a foreground container with a terminal
	notify   *notifier       // of run, if systemd waits for the container
	trace    *trace
	pipes    []*outputPipe // of a foreground process
	outputs  outputs

	waits    bool           // init waits for start
	shared   bool           // the cgroup is another container's, too
	raised   []raisedLimit  // until init is made
	newClass *resctrl.Group // of RDT, made by this creation; nil: none
	hooked   bool           // hooks have run: so must poststop's
}

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
	if err := fencePreserved(o.ListenFDs + o.PreserveFDs); err != nil {
		return nil, err
	}
	b, err := draw(o, run, !run || o.Detach)
	if b != nil {
		for _, w := range b.warnings {
			o.warn(w)
		}
	}
	if err != nil {
		return nil, err
	}
	c := &creation{blueprint: b, opts: o, rootfs: -1, self: spawn.Unsealed, netns: -1, pidns: -1}
	if o.Trace != "" {
		c.trace = new(trace)
	}
	if err := c.outputs.open(o.PidFile, o.Trace, ""); err != nil {
		return nil, err
	}
	sys.CatchSignals()
	if c.dir, err = state.Create(o.Root, o.ID); err != nil {
		c.outputs.close()
		return nil, err
	}
	c.waits = !run
	err = c.build(run)
	if err == nil && c.waits {
		err = c.commit(true)
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
	for i := range c.plan.Parent {
		item := &c.plan.Parent[i]
		if err := c.trace.run(func() error { return c.do(item) }); err != nil {
			return c.explain(item, err)
		}
		if err := interrupted(); err != nil {
			return err
		}
	}
	if c.journal.Status != specs.StateCreated {
		c.journal.Status = specs.StateCreated
		c.leaveNetDevices()
		if err := c.dir.Save(&c.journal); err != nil {
			return err
		}
	}
	if err := c.sendPidfd(); err != nil {
		return err
	}
	if c.waits {
		if err := c.trace.write(c.outputs.trace, c.plan); err != nil {
			return err
		}
		if err := c.dir.PublishFifo(); err != nil {
			return err
		}
	}
	return c.writePidFile()
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

func (c *creation) spawnStep() *plan.Spawn {
	for _, item := range c.plan.Parent {
		if s, ok := item.Step.(*plan.Spawn); ok {
			return s
		}
	}
	return nil
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
		return c.openTree(s)
	case *plan.MakeTree:
		return c.makeTree(s)
	case *plan.OpenPID:
		return c.openPID(s)
	case *plan.LockTrees:
		return c.lockTrees()
	case *plan.SendTrees:
		return c.sendTrees(s)
	case *plan.MapTree:
		return c.mapLent(s)
	case *plan.Spawn:
		return c.spawn(s)
	case *plan.PipeStdio:
		return c.pipeStdio(s)
	case *plan.GiveStdio:
		uids, err := readUIDMap(c.init.Pid)
		if err != nil {
			return err
		}
		return c.giveStdio(s, uids)
	case *plan.Await:
		err := c.await(s.Phase)
		if err == nil && s.Phase == plan.Ready {
			c.endProgress()
		}
		return err
	case *plan.MoveInside:
		if err := c.cgroup.Add(c.init.Pid); err != nil {
			return err
		}
		return c.aloneInCgroup()
	case *plan.Continue:
		if err := c.letGo(); err != nil {
			return err
		}
		return c.reapFormer() // whose end may take a while
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
	case *plan.SendListener:
		return c.sendListener(s)
	case *plan.RunHooks:
		return c.runHooks(s)
	case *plan.SetOOMScoreAdj:
		return setOOMScoreAdj(c.init.Pid, s)
	case *plan.RaiseRlimits:
		return c.raiseRlimits(s)
	}
	return fmt.Errorf("no such step: %s", item.Step)
}

// explain says which step failed, unless the error already names its place.
func (c *creation) explain(item *plan.Item, err error) error {
	var step *plan.StepError
	var field *plan.FieldError
	if errors.As(err, &step) || errors.As(err, &field) {
		return err
	}
	failed := &plan.StepError{Item: *item, Err: err}
	var hook *hooks.Error
	if errors.As(err, &hook) {
		failed.Item.Field, failed.Whole = hookField(hook), true
	}
	return failed
}

func hookField(e *hooks.Error) string { return fmt.Sprintf("hooks.%s[%d]", e.Kind, e.Index) }

func (c *creation) runHooks(s *plan.RunHooks) error {
	c.hooked = true
	st := c.plan.Container.HookState(s.Status, c.init.Pid)
	log := hooks.Log{Stdout: c.logFD(s.Log.Stdout), Stderr: c.logFD(s.Log.Stderr)}
	return log.Run(s.Kind, s.Hooks, plan.AppendState(nil, &st), c.opts.Bundle, os.Environ())
}

// fail undoes a creation, and tells why.
func (c *creation) fail(err error) error { return errors.Join(interruption(err), c.undo()) }

// undo removes everything a failed create has made.
func (c *creation) undo() error {
	// What is not needed any more goes first: there may be no descriptor left.
	c.dropTrees()
	c.mapping.close()
	c.mapping = nil
	c.self.Close()
	errs := append(c.returnNetDevices(), c.reapFormer())
	if c.init != nil {
		errs = append(errs, c.init.Kill())
		c.init = nil
	}
	switch {
	case c.cgroup == nil:
	case c.shared:
		c.cgroup.Abandon()
	default:
		errs = append(errs, c.cgroup.Kill(), c.cgroup.Delete(c.cgroup.Created))
	}
	errs = append(errs, c.stopUnit(), c.undoRdt())
	if errors.Join(errs...) == nil {
		// Else the journal stays, so that delete can finish it.
		errs = append(errs, c.dir.Remove())
	}
	if c.hooked {
		st := c.plan.Container.HookState(specs.StateStopped, 0)
		runPoststop(c.plan.Poststop, &st, c.opts.warn)
	}
	errs = append(errs, c.outputs.pidFile.Remove())
	c.close()
	return errors.Join(errs...)
}

// close releases descriptors; the container goes on.
func (c *creation) close() {
	c.drainStdio()
	for i := range c.trees {
		c.dropTree(i)
	}
	c.mapping.close()
	for _, fd := range []*int{&c.rootfs, &c.netns, &c.pidns} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
	c.endProgress()
	c.self.Close()
	if c.relay != nil {
		c.relay.Close()
		c.relay = nil
	}
	if c.notify != nil {
		c.notify.close()
	}
	if c.init != nil {
		c.init.Close()
	}
	if c.cgroup != nil {
		c.cgroup.Close()
	}
	if c.unit != nil {
		c.unit.conn.Close()
	}
	c.outputs.close()
	c.dir.Close()
}

// fencePreserved marks all descriptors close-on-exec but the standard streams
// and the n that are to be passed on: callers leak theirs.
func fencePreserved(n int) error {
	return sys.FenceFrom(3 + n)
}
