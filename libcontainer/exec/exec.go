package exec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/watch"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Options is what exec is asked for.
type Options struct {
	Root string // state directory of all containers, absolute
	ID   string

	ProcessFile string // a process of config.json alone; "": as Process changes the container's own
	Process     ProcessChanges

	ConsoleSocket string // socket that receives the terminal's master
	PidfdSocket   string // socket that receives a pidfd of the process
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
	SeccompLog         string // file that gets the calls that the filter refuses, see [sys.OpenOutput]; not with Detach
	Trace              initlink.TraceFiles
	IgnorePaused       bool // a paused container is not an error; the process waits with it

	// Warn gets warnings about what has no effect. It may be nil.
	Warn func(specconv.Warning)
}

func (o *Options) warn(w specconv.Warning) {
	if o.Warn != nil {
		o.Warn(w)
	}
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

// Run runs a process in a container. Detached, it returns once the process
// runs; else it waits for it, passing signals on, and returns its exit code:
// 128 and the signal's number if one ended it. The calling goroutine must be locked
// to its thread (spawn.Start).
func Run(o Options) (int, error) {
	if err := sys.FenceFrom(3 + o.PreserveFDs); err != nil {
		return -1, err
	}
	e, err := prepare(&o)
	if err != nil {
		return -1, err
	}
	defer e.close()
	sys.CatchSignals()
	err = e.init.Run(e.do)
	if e.init.Trace != nil {
		err = errors.Join(err, e.init.Trace.Write(&e.caller.Outputs.Trace, e.init.Plan))
	}
	if err == nil {
		err = e.caller.Outputs.WritePidFile(e.init.Pid)
	}
	if err == nil {
		err = foreground.Commit(&e.init, o.Detach)
	}
	if err != nil {
		err = e.overtaken(initlink.Interruption(err))
		e.init.Kill()
		return -1, errors.Join(err, e.endWatch(), e.caller.Outputs.PidFile.Remove())
	}
	if o.Detach {
		return 0, nil
	}
	if err := e.caller.Start(e.init.PidFD); err != nil {
		e.init.Kill()
		return -1, errors.Join(err, e.caller.Outputs.PidFile.Remove())
	}
	var code int
	if o.bounded() {
		code, err = e.attendBounded()
	} else {
		code, err = foreground.Attend(e.init.Pid)
	}
	return code, errors.Join(err, e.caller.End(), e.endWatch())
}

// watchCalls answers the filter's listener from now on.
func (e *process) watchCalls() error {
	spec, err := e.container.Config()
	if err != nil {
		return err
	}
	return e.caller.WatchCalls(&e.init, &watch.Job{ID: e.asked.ID, Profile: spec.Linux.Seccomp, Filter: e.init.Plan.Filter.Filter})
}

// endWatch writes what was heard of system calls, if that was asked for.
func (e *process) endWatch() error {
	return e.caller.EndWatch(func(text string) { e.asked.warn(specconv.Warning{Text: text}) })
}

// prepare looks at the container and plans.
func prepare(o *Options) (*process, error) {
	dir, err := state.Open(o.Root, o.ID)
	if err != nil {
		return nil, err
	}
	container := libcontainer.Of(resource.Of(dir, nil))
	e := &process{asked: o, container: container, place: place{asked: o, container: container}, target: libcontainer.NoTarget, caller: foreground.Side{ConsoleSocket: o.ConsoleSocket}}
	e.ending = ending{init: &e.init, place: &e.place}
	e.init.Owner, e.init.Patience = e, initlink.AnswerTime
	e.init.Trace = initlink.NewTrace(&o.Trace, "exec", o.ID)
	err = e.overtaken(e.init.Trace.Time("", initlink.Planning, e.look))
	if err == nil {
		err = e.caller.Outputs.Open(o.PidFile, &o.Trace, o.Report)
	}
	if err == nil {
		err = e.caller.Outputs.OpenCalls("--seccomp-log", o.SeccompLog)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// overtaken returns another error if the container has been stopped or deleted meanwhile:
// then its own files are missing, and not a program that engines look for.
func (e *process) overtaken(err error) error {
	if err == nil || e.container.Journal == nil || !state.Gone(err) {
		return err
	}
	if alive, aliveErr := e.container.Journal.Init.Alive(); alive || aliveErr != nil {
		return err
	}
	return errors.New("cannot exec in a container that has stopped")
}

func (e *process) look() error {
	var err error
	if e.container.Journal, err = e.container.Dir.Load(); err != nil {
		return err
	}
	status, _, err := e.container.Status()
	if err != nil {
		return err
	}
	switch status {
	case specs.StateCreated, specs.StateRunning, libcontainer.StatePaused:
	default:
		return fmt.Errorf("cannot exec in a %s container", status)
	}
	if err := e.target.Open(e.container, libcontainer.Enterable[:]); err != nil {
		return err
	}
	if err := e.place.open(status == libcontainer.StatePaused); err != nil {
		return err
	}
	return e.drawExec()
}

// drawExec reads what the process is to be, and makes the plan.
func (e *process) drawExec() error {
	spec, filter, err := e.container.ExecConfig()
	if err != nil {
		return err
	}
	if spec.Process == nil {
		spec.Process = new(specs.Process)
	}
	process, err := e.process(spec.Process)
	if err != nil {
		return err
	}
	if !e.asked.Detach {
		foreground.FitTerminal(process)
	}
	seen := *spec
	seen.Process = process
	h, err := bundle.HostFacts(&seen)
	if err != nil {
		return err
	}
	h.SetgroupsDenied = h.SetgroupsDenied || e.target.SetgroupsDenied
	journal := e.container.Journal
	watched := bundle.Watched{File: e.asked.SeccompLog}
	p, warnings, err := specconv.ExecPlan(spec, process, h, specconv.Inside{
		ID:            journal.Container.ID,
		Bundle:        journal.Container.Bundle,
		Joins:         e.target.Types(),
		PIDLast:       e.target.PIDLast >= 0,
		Outside:       e.place.outside,
		NoCgroup:      e.place.cgroup == nil,
		NoNewKeyring:  journal.NoNewKeyring,
		Chroot:        e.target.Root >= 0,
		Filter:        filter,
		Watch:         watched.Option(),
		Detach:        e.asked.Detach,
		ConsoleSocket: e.asked.ConsoleSocket != "",
	})
	if err != nil {
		return err
	}
	e.init.Plan, e.init.Root = p, "/proc/"+strconv.Itoa(journal.Init.PID)+"/root"
	for _, w := range warnings {
		e.asked.warn(w)
	}
	return nil
}

// process is what is to run. A file is read at once: its writer removes it.
func (e *process) process(own *specs.Process) (*specs.Process, error) {
	file := e.asked.ProcessFile
	if file == "" {
		return e.asked.Process.apply(*own), nil
	}
	p, err := bundle.ReadProcess(file)
	if err != nil {
		return nil, err
	}
	specconv.Inherit(p, own)
	return p, nil
}

// do carries out one step.
func (e *process) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.SpawnExec:
		return e.enter(s)
	case *plan.GiveStdio:
		// By the container's ids: where its init stays, it need not be in the namespace yet.
		return e.caller.GiveStdio(s, e.target.UIDs)
	case *plan.PipeStdio:
		return e.caller.PipeStdio()
	case *plan.RaiseRlimits:
		return e.raised.Raise(s)
	case *plan.SetOOMScoreAdj:
		return initlink.SetOOMScoreAdj(e.init.Pid, s)
	case *plan.SendPlan:
		return e.sendPlan()
	case *plan.ReceivePidfd:
		return e.init.Adopt()
	case *plan.WatchCalls:
		return e.watchCalls()
	case *plan.TakeListener:
		return e.caller.TakeListener(&e.init)
	case *plan.SendListener:
		return e.sendListener(s)
	case *plan.EnterRdtGroup:
		return e.container.Owned.Class.Enter(e.init.Pid)
	case *plan.MoveInside:
		return e.place.moveInside(e.init.Pid)
	case *plan.SetScheduler:
		return initlink.SetScheduler(e.init.Pid, s)
	case *plan.SetAffinity:
		return e.setAffinity(s)
	case *plan.Release:
		return e.release()
	case *plan.Await:
		_, err := e.init.Await(s.Phase)
		return err
	}
	return fmt.Errorf("no such step: %s", item.Step)
}

// close releases descriptors; the process goes on.
func (e *process) close() {
	e.target.Close()
	if e.place.cgroup != nil {
		e.place.removeOwn()
		e.place.cgroup.Close()
	}
	e.caller.Close()
	e.init.Close()
	e.container.Close()
}
