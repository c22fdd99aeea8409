package specconv

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// Inside is what the plan of an exec needs to know of the container.
type Inside struct {
	ID     string
	Bundle string // absolute

	// Joins are the container's namespaces that are not the runtime's, but for
	// a pid namespace that is joined last.
	Joins []specs.LinuxNamespaceType
	// PIDLast: the container's pid namespace is joined by init, for the process
	// it clones.
	PIDLast bool
	// Outside: no process can be cloned into the container's cgroup, so it must be
	// moved there.
	Outside bool
	// NoCgroup: the container has none.
	NoCgroup     bool
	NoNewKeyring bool
	// Chroot: the container has no mount namespace of its own, and its root is one
	// of chroot(2).
	Chroot bool
	Filter *plan.LoadSeccomp // the container's, see [Filter]; nil: none

	Watch         Watch
	Detach        bool // the runtime exits before the process does
	ConsoleSocket bool // --console-socket was given
}

// Slots of the descriptors that exec's init is sent.
const (
	SlotPID  = iota // the pid namespace, if it is joined last
	SlotProc        // init's directory in /proc, if there are labels to write
	SlotRoot        // the container's root, if there is no mount namespace that has it
	ExecSlots
)

// ExecPlan turns a process into the steps that execute it in a container, whose
// configuration is spec; what only the making of a container needs may be missing
// there (ocijson.Config). The process may be that of the configuration itself,
// changed or not. What it leaves out and inherits is for [Inherit].
func ExecPlan(spec *specs.Spec, process *specs.Process, host Host, inside Inside) (*plan.Plan, []Warning, error) {
	own := *spec
	own.Process = process
	b := newBuilder(&own, host, Options{
		ID: inside.ID, Bundle: inside.Bundle, Detach: inside.Detach, ConsoleSocket: inside.ConsoleSocket,
		NoNewKeyring: inside.NoNewKeyring, Run: true, Watch: inside.Watch,
	})
	if b.linux == nil {
		b.linux = &specs.Linux{}
	}
	b.plan.Container = plan.Container{ID: inside.ID, Bundle: inside.Bundle, OCIVersion: spec.Version}
	for _, ns := range inside.Joins {
		b.ns.joined |= nsBit(ns)
	}
	b.ns.spawn.GIDMaps = b.linux.GIDMappings
	b.privileges.filter = inside.Filter
	var err error
	done := func(stage error) bool { err = stage; return err == nil }
	_ = done(b.proc.checkCwd()) &&
		done(b.proc.checkProcess()) &&
		done(b.proc.checkTerminal()) &&
		done(b.proc.planIdentity()) &&
		done(b.proc.planRlimits()) &&
		done(b.privileges.checkNotify()) &&
		done(b.privileges.planLoading()) &&
		done(b.privileges.planCapabilities()) &&
		done(b.proc.planOOM())
	if err != nil {
		return nil, b.warnings, err
	}
	if err := b.planInside(&inside); err != nil {
		return nil, b.warnings, err
	}
	b.plan.Filter = b.privileges.filter
	return &b.plan, b.warnings, b.planAround(&inside)
}

func (b *processBuilder) checkCwd() error {
	if b.process.Cwd == "" {
		return invalid("process.cwd", "", "Cwd property must not be empty")
	}
	return nil
}

// planInside plans what exec's init does, and the process it clones.
func (b *builder) planInside(inside *Inside) error {
	p := b.process
	if inside.Chroot {
		b.add("root.path", &plan.TakeRoot{Slot: SlotRoot})
		b.add("root.path", &plan.Chroot{})
	} else {
		b.add("", &plan.EnterRoot{})
	}
	if err := b.proc.planKeyring(); err != nil {
		return err
	}
	if p.Terminal {
		console, err := b.proc.console()
		if err != nil {
			return err
		}
		console.Uncontrolled = true
		b.add("process.terminal", console)
	}
	var err error
	done := func(stage error) bool { err = stage; return err == nil }
	_ = done(b.proc.planStdio()) &&
		done(b.scheduling.planPersonality()) &&
		done(b.scheduling.planIOPriority()) &&
		done(b.scheduling.planMemoryPolicy())
	if err != nil {
		return err
	}
	if p.ApparmorProfile != "" || p.SelinuxLabel != "" {
		b.add("", &plan.OwnProc{Slot: SlotProc})
	}
	if err := b.proc.planLabels(); err != nil {
		return err
	}
	if inside.PIDLast {
		// Not later: it takes privileges.
		b.add("", &plan.JoinPID{Slot: SlotPID})
	}
	b.becomeUser()
	b.add("", &plan.CloseOthers{})
	b.add("", &plan.Sync{Phase: plan.Ready})
	early, hinders, err := b.privileges.earlyExec()
	if err != nil {
		return err
	}
	b.privileges.cloneInside(&plan.CloneInside{Hinders: hinders}, early, true)
	if b.privileges.loaded != nil && !early {
		b.add("linux.seccomp", b.privileges.loaded)
	}
	b.add("process.args", &plan.Execute{Args: p.Args, Env: b.proc.env.list, Home: b.proc.env.home, UID: p.User.UID, Alone: b.opts.Detach})
	return nil
}

// planAround plans the runtime's half.
func (b *builder) planAround(inside *Inside) error {
	scheduler, err := b.scheduling.scheduler()
	if err != nil {
		return err
	}
	first, then, err := b.scheduling.affinity()
	if err != nil {
		return err
	}
	if first != nil {
		b.parentAdd("process.execCPUAffinity.initial", first)
	}
	b.proc.raiseRlimits()
	b.proc.spawnWithStdio("", &plan.SpawnExec{Join: inside.Joins, KeepGroups: b.ns.spawn.KeepGroups, Outside: inside.Outside})
	if b.proc.oom != nil {
		b.parentAdd("process.oomScoreAdj", b.proc.oom)
	}
	b.parentAdd("", &plan.SendPlan{})
	b.parentAdd("", &plan.Await{Phase: plan.Ready})
	b.privileges.takeListener()
	b.parentAdd("", &plan.ReceivePidfd{})
	b.privileges.sendListener()
	if b.linux.IntelRdt != nil {
		b.parentAdd("linux.intelRdt", &plan.EnterRdtGroup{})
	}
	if inside.Outside && !inside.NoCgroup {
		b.parentAdd("", &plan.MoveInside{})
	}
	if scheduler != nil {
		b.parentAdd("process.scheduler", scheduler)
	}
	if then != nil {
		b.parentAdd("process.execCPUAffinity.final", then)
	}
	b.parentAdd("", &plan.Release{})
	return nil
}

// Inherit completes a process that came alone with what it has of its
// container's. The rest is its own business: an absent environment, limits or
// no_new_privs are none.
func Inherit(process, container *specs.Process) {
	if process.Capabilities == nil {
		process.Capabilities = container.Capabilities
	}
	if process.User.Umask == nil {
		process.User.Umask = container.User.Umask
	}
	if process.ApparmorProfile == "" {
		process.ApparmorProfile = container.ApparmorProfile
	}
	if process.SelinuxLabel == "" {
		process.SelinuxLabel = container.SelinuxLabel
	}
	if process.ExecCPUAffinity == nil {
		process.ExecCPUAffinity = container.ExecCPUAffinity
	}
	// Not its own choice: it decides which process the kernel kills first.
	process.OOMScoreAdj = container.OOMScoreAdj
}
