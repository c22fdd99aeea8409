package libcontainer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// ExecOptions is what exec is asked for.
type ExecOptions struct {
	Root string // state directory of all containers, absolute
	ID   string

	ProcessFile string // a process of config.json alone; "": as Process changes the container's own
	Process     ProcessChanges

	ConsoleSocket string // who gets the terminal's master
	PidfdSocket   string // who gets a pidfd of the process
	PidFile       string // see [sys.OpenOutput]; written before Exec returns, and only if the process runs
	Detach        bool   // return once the process runs
	PreserveFDs   int    // descriptors 3, 4, … to pass on
	Holes         []int  // those of them that the caller had not open
	Cgroup        string // below the container's cgroup; "": that itself
	// How long the process and all that comes of it may take, 0 for ever, and
	// how long after SIGTERM they are killed. Not with Detach, nor is Report:
	// a file that gets what they have used, see [sys.OpenOutput].
	Timeout, KillAfter time.Duration
	Report             string
	IgnorePaused       bool // a paused container is no error; the process waits with it

	// Warn is told what has no effect. It may be nil.
	Warn func(specconv.Warning)
}

// ProcessChanges is what differs from the container's own process.
type ProcessChanges struct {
	Args         []string
	Env          []string // added
	Cwd          string   // "": unchanged, as all below that are empty
	UID, GID     *uint32
	Groups       []uint32 // added
	Capabilities []string // added; never to the inheritable ones (CVE-2022-29162)
	Terminal     bool     // whatever the container's has
	NoNewPrivs   bool     // or the container's
	AppArmor     string
	SELinux      string
}

// apply returns the changed process; p itself stays.
func (c *ProcessChanges) apply(p specs.Process) *specs.Process {
	p.Args, p.Terminal = c.Args, c.Terminal
	p.Env = append(p.Env[:len(p.Env):len(p.Env)], c.Env...)
	if c.Cwd != "" {
		p.Cwd = c.Cwd
	}
	if c.UID != nil {
		p.User.UID = *c.UID
	}
	if c.GID != nil {
		p.User.GID = *c.GID
	}
	groups := p.User.AdditionalGids
	p.User.AdditionalGids = append(groups[:len(groups):len(groups)], c.Groups...)
	p.NoNewPrivileges = p.NoNewPrivileges || c.NoNewPrivs
	if c.AppArmor != "" {
		p.ApparmorProfile = c.AppArmor
	}
	if c.SELinux != "" {
		p.SelinuxLabel = c.SELinux
	}
	if len(c.Capabilities) == 0 {
		return &p
	}
	var caps specs.LinuxCapabilities
	if p.Capabilities != nil {
		caps = *p.Capabilities
	}
	for _, set := range [...]*[]string{&caps.Bounding, &caps.Effective, &caps.Permitted} {
		*set = append((*set)[:len(*set):len(*set)], c.Capabilities...)
	}
	// Ambient can be what is inheritable, too.
	caps.Ambient = slices.Clone(caps.Ambient)
	for _, name := range c.Capabilities {
		if slices.Contains(caps.Inheritable, name) {
			caps.Ambient = append(caps.Ambient, name)
		}
	}
	p.Capabilities = &caps
	return &p
}

// Exec runs a process in a container. Detached, it returns once the process
// runs; else it waits for it, passing signals on, and returns its exit code:
// 128 and the signal's number if one ended it. The calling goroutine must be locked
// to its thread (spawn.Start).
func Exec(o ExecOptions) (int, error) {
	if err := fencePreserved(o.PreserveFDs); err != nil {
		return -1, err
	}
	e, err := prepare(&o)
	if err != nil {
		return -1, err
	}
	defer e.close()
	sys.CatchSignals()
	err = e.carryOut()
	if err == nil {
		err = e.writePidFile()
	}
	if err == nil {
		err = e.commit(o.Detach)
	}
	if err != nil {
		err = e.overtaken(interruption(err))
		e.kill()
		return -1, errors.Join(err, e.outputs.pidFile.Remove())
	}
	if o.Detach {
		return 0, nil
	}
	if e.relay != nil {
		if err := e.relay.Start(e.init.PidFD); err != nil {
			e.kill()
			return -1, errors.Join(fieldError("process.terminal", err), e.outputs.pidFile.Remove())
		}
	}
	attend := e.attend
	if o.bounded() {
		attend = e.attendBounded
	}
	code, err := attend()
	e.drainStdio()
	if e.relay != nil {
		// What is said from here on needs the terminal as it was.
		err = errors.Join(err, e.relay.Close())
		e.relay = nil
	}
	return code, err
}

// prepare looks at the container and plans.
func prepare(o *ExecOptions) (*execution, error) {
	dir, err := state.Open(o.Root, o.ID)
	if err != nil {
		return nil, err
	}
	e := &execution{
		creation: creation{
			blueprint: new(blueprint), dir: dir, rootfs: -1, self: spawn.Unsealed, netns: -1, pidns: -1,
			opts: &Options{ConsoleSocket: o.ConsoleSocket, PreserveFDs: o.PreserveFDs, Warn: o.Warn},
		},
		asked: o, target: noTarget, listener: -1,
	}
	err = e.overtaken(e.look())
	if err == nil {
		err = e.outputs.open(o.PidFile, "", o.Report)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// overtaken is the error in other words if somebody has ended or deleted the container
// meanwhile: what is missing then is its own, and no program that engines look for.
func (e *execution) overtaken(err error) error {
	if err == nil || e.container == nil || !goneFromProc(err) {
		return err
	}
	if alive, aliveErr := e.container.alive(); alive || aliveErr != nil {
		return err
	}
	return errors.New("cannot exec in a container that has stopped")
}

func (e *execution) look() error {
	journal, err := e.dir.Load()
	if err != nil {
		return err
	}
	e.container = &Container{dir: e.dir, journal: journal}
	status, _, err := e.container.Status()
	if err != nil {
		return err
	}
	switch status {
	case specs.StateCreated, specs.StateRunning, StatePaused:
	default:
		return fmt.Errorf("cannot exec in a %s container", status)
	}
	if err := e.target.open(e.container, enterable[:]); err != nil {
		return err
	}
	if err := e.openCgroup(status == StatePaused); err != nil {
		return err
	}
	return e.drawExec()
}

// drawExec reads what the process is to be, and makes the plan.
func (e *execution) drawExec() error {
	spec, filter, err := e.container.execConfig()
	if err != nil {
		return err
	}
	if spec.Process == nil {
		spec.Process = new(specs.Process)
	}
	e.spec = spec
	process, err := e.process(spec.Process)
	if err != nil {
		return err
	}
	if !e.asked.Detach {
		fitTerminal(process)
	}
	seen := *spec
	seen.Process = process
	if e.host, err = host(&seen); err != nil {
		return err
	}
	e.host.SetgroupsDenied = e.host.SetgroupsDenied || e.target.setgroupsDenied
	journal := e.container.journal
	e.rootless = journal.Rootless
	e.plan, e.warnings, err = specconv.ExecPlan(spec, process, e.host, specconv.Inside{
		ID:            journal.Container.ID,
		Bundle:        journal.Container.Bundle,
		Joins:         e.target.types(),
		PIDLast:       e.target.pid >= 0,
		Outside:       e.outside,
		NoCgroup:      e.cgroup == nil,
		NoNewKeyring:  journal.NoNewKeyring,
		Chroot:        e.target.root >= 0,
		Filter:        filter,
		Detach:        e.asked.Detach,
		ConsoleSocket: e.asked.ConsoleSocket != "",
	})
	if err != nil {
		return err
	}
	for _, w := range e.warnings {
		e.opts.warn(w)
	}
	return nil
}

// process is what is to run. A file is read at once: who wrote it removes it.
func (e *execution) process(own *specs.Process) (*specs.Process, error) {
	file := e.asked.ProcessFile
	if file == "" {
		return e.asked.Process.apply(*own), nil
	}
	p, err := readProcess(file)
	if err != nil {
		return nil, err
	}
	specconv.Inherit(p, own)
	return p, nil
}

// carryOut carries out the runtime's half of the plan.
func (e *execution) carryOut() error {
	for i := range e.plan.Parent {
		item := &e.plan.Parent[i]
		if err := e.do(item); err != nil {
			return e.explain(item, err)
		}
		if err := interrupted(); err != nil {
			return err
		}
	}
	return nil
}

// do carries out one step.
func (e *execution) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.Enter:
		return e.enter(s)
	case *plan.GiveStdio:
		return e.giveStdio(s)
	case *plan.Brief:
		return e.brief()
	case *plan.Adopt:
		return e.adopt()
	case *plan.TakeListener:
		return e.takeListener()
	case *plan.SendListener:
		return e.sendListener(s)
	case *plan.EnterRdtGroup:
		return enterRdt(&e.container.journal.Rdt, e.init.Pid)
	case *plan.MoveInside:
		return e.moveInside()
	case *plan.SetScheduler:
		return setScheduler(e.init.Pid, s)
	case *plan.SetAffinity:
		return e.setAffinity(s)
	case *plan.Release:
		return e.release()
	case *plan.Await:
		return e.await(s.Phase)
	}
	return e.creation.do(item)
}

// kill ends what has been started.
func (e *execution) kill() {
	e.reapFormer()
	if e.init != nil {
		e.init.Kill()
		e.init = nil
	}
}

// close releases descriptors; the process goes on.
func (e *execution) close() {
	e.target.close()
	if e.listener >= 0 {
		unix.Close(e.listener)
	}
	if e.cgroup != nil {
		e.removeOwnCgroup()
	}
	e.creation.close()
}
