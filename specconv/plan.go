package specconv

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// builder is a plan in the making, by subject. Its stages run in the order of
// planInit; each reads its part of the configuration, and leaves what later ones need.
type builder struct {
	draft
	ns         namespaceBuilder
	trees      treeBuilder
	cgroup     cgroupBuilder
	mounts     mountBuilder
	root       rootBuilder
	proc       processBuilder
	privileges privilegeBuilder
	scheduling schedulingBuilder
	hooks      hookBuilder
}

func newBuilder(spec *specs.Spec, host Host, opts Options) *builder {
	b := &builder{draft: draft{spec: spec, host: &host, opts: &opts}}
	if spec != nil {
		b.process, b.linux = spec.Process, spec.Linux
	}
	d, ns, trees := &b.draft, &b.ns, &b.trees
	b.trees.draft = d
	b.ns = namespaceBuilder{draft: d, trees: trees}
	b.cgroup = cgroupBuilder{draft: d, ns: ns}
	b.mounts = mountBuilder{draft: d, ns: ns, trees: trees, cgroup: &b.cgroup}
	b.proc = processBuilder{draft: d, ns: ns}
	b.hooks = hookBuilder{draft: d, trees: trees}
	b.root = rootBuilder{draft: d, ns: ns, trees: trees, mounts: &b.mounts, proc: &b.proc, hooks: &b.hooks}
	b.privileges = privilegeBuilder{draft: d, ns: ns, proc: &b.proc, hooks: &b.hooks}
	b.scheduling = schedulingBuilder{draft: d, ns: ns}
	return b
}

// Plan validates a configuration and turns it into the steps that make the
// container. The same input makes the same plan. The error, if any, is the
// first mistake found, a *plan.FieldError.
func Plan(spec *specs.Spec, host Host, opts Options) (*plan.Plan, []Warning, error) {
	b := newBuilder(spec, host, opts)
	err := b.planInit()
	if err == nil {
		err = b.finishParent()
	}
	if err != nil {
		return nil, b.warnings, err
	}
	return &b.plan, b.warnings, nil
}

// planInit plans init's half, and what the parent needs to know of it.
func (b *builder) planInit() error {
	if err := b.checkParts(); err != nil {
		return err
	}
	b.plan.Container = plan.Container{
		ID:          b.opts.ID,
		Bundle:      b.opts.Bundle,
		OCIVersion:  b.spec.Version,
		Annotations: b.spec.Annotations,
	}
	b.plan.Parent = make([]plan.Item, 0, 32)
	b.plan.Init = make([]plan.Item, 0, 96)
	var err error
	done := func(stage error) bool { err = stage; return err == nil }
	_ = done(b.ns.planNamespaces()) &&
		done(b.ns.planIDMaps()) &&
		done(b.ns.planNetDevices()) &&
		done(b.proc.checkProcess()) &&
		done(b.proc.checkTerminal()) &&
		done(b.proc.planIdentity()) &&
		done(b.proc.planRlimits()) &&
		done(b.privileges.planSeccomp()) &&
		done(b.privileges.planCapabilities()) &&
		done(b.proc.planOOM()) &&
		done(b.hooks.planHooks()) &&
		done(b.checkAnnotations()) &&
		done(b.hooks.planHookLogs()) &&
		done(b.cgroup.planCgroup()) &&
		done(b.cgroup.planRdt()) &&
		done(b.ns.enterNamespaces()) &&
		done(b.root.planRoot()) &&
		done(b.proc.planKeyring()) &&
		done(b.mounts.planMounts()) &&
		done(b.root.chooseNamespace()) &&
		done(b.root.planDevices()) &&
		done(b.root.planPaths()) &&
		done(b.finishMounts()) &&
		done(b.ns.planSysctls()) && // while the host's /proc is there
		done(b.root.switchRoot()) &&
		done(b.ns.planNames()) &&
		done(b.proc.planStdio()) &&
		done(b.scheduling.planScheduling()) &&
		done(b.proc.planLabels()) &&
		done(b.planBecome())
	if err != nil {
		return err
	}
	b.plan.Filter = b.privileges.filter
	return nil
}

// linuxHint is for a config.json of another platform's, or of none.
const linuxHint = `add "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}; the command spec writes an example of all of config.json`

// checkParts finds the parts of the configuration that nothing works without.
func (b *builder) checkParts() error {
	switch {
	case b.spec == nil:
		return invalid("config.json", "", "empty, expected a configuration")
	case b.spec.Process == nil:
		return invalid("process", "", "process property must not be empty")
	case b.spec.Root == nil:
		return invalid("root", "", "root must be specified")
	case b.spec.Linux == nil:
		return invalid("linux", linuxHint, "linux must be specified")
	}
	if v := b.spec.Version; !strings.HasPrefix(v, "1.") {
		b.warn("ociVersion", `"`+v+`" is not a version of the specification that this runtime knows, it is read as 1.x`)
	}
	return nil
}

// planKeyring: without one of its own the container would have the keys of
// the caller's session, see session-keyring(7).
func (b *processBuilder) planKeyring() error {
	if b.opts.NoNewKeyring {
		return nil
	}
	step := &plan.JoinKeyring{Name: "_ses." + b.opts.ID}
	var field string
	if b.host.SELinux && b.process.SelinuxLabel != "" {
		// Or the process could not use its own keyring.
		field, step.Label = "process.selinuxLabel", b.process.SelinuxLabel
	}
	b.add(field, step)
	return nil
}

// planPaths plans the working directory, which is made if it is missing, and
// what of the mounts is read-only or hidden: each once, or it would be mounted
// over twice. The root itself can't be mounted over, see switchRoot.
func (b *rootBuilder) planPaths() error {
	if cwd := b.process.Cwd; cwd != "/" {
		b.add("process.cwd", &plan.MakeDir{Path: cwd})
	}
	seen := make(map[string]bool, 32)
	for i, p := range b.linux.ReadonlyPaths {
		field := index("linux.readonlyPaths", i)
		if err := checkNull(field, p); err != nil {
			return err
		}
		target := path.Clean("/" + p)
		switch {
		case p == "":
			return invalid(field, "", "empty, expected an absolute path in the container")
		case seen[target]:
		case target == "/":
			b.readonly = field
		default:
			b.add(field, &plan.ReadonlyPath{Path: target})
		}
		seen[target] = true
	}
	clear(seen)
	for i, p := range b.linux.MaskedPaths {
		field := index("linux.maskedPaths", i)
		if err := checkNull(field, p); err != nil {
			return err
		}
		target := path.Clean("/" + p)
		switch {
		case target == "/":
			return invalid(field, "", "%q, expected an absolute path below the container's root", p)
		case !seen[target]:
			b.add(field, &plan.MaskPath{Path: target})
		}
		seen[target] = true
	}
	return nil
}

// finishMounts meets the parent, which runs the runtime's hooks, and runs the
// container's.
func (b *builder) finishMounts() error {
	b.add("", &plan.Sync{Phase: plan.Mounted, Quiet: !b.awaitsMounts()})
	b.hooks.createContainer()
	return nil
}

// awaitsMounts: only hooks, network devices, a device filter that does not let init mount its
// disks and a cgroup below that of init's cgroup namespace have to wait until init has
// its mounts.
// Without them init finds the message to continue when it gets there, and neither
// waits for the other.
func (b *builder) awaitsMounts() bool {
	return len(b.ns.netDevices) > 0 || b.mounts.disks && len(b.cgroup.devices) > 0 || b.cgroup.subcgroup != nil || len(b.hooks.list.Prestart) > 0 || len(b.hooks.list.CreateRuntime) > 0
}

// raiseRlimits plans what comes right before a process is made, which inherits it.
func (b *processBuilder) raiseRlimits() {
	if len(b.rlimits) > 0 {
		b.parentAdd("process.rlimits", &plan.RaiseRlimits{Limits: b.rlimits})
	}
}

// finishParent plans the parent's half, now that init's is known.
func (b *builder) finishParent() error {
	b.trees.openTrees(b.ns.foreign())
	b.plan.Parent = append(b.plan.Parent, b.mounts.overlays...)
	b.proc.raiseRlimits()
	b.proc.spawnWithStdio("linux.namespaces", &b.ns.spawn)
	if b.ns.spawn.Outside {
		b.parentAdd("", &plan.Await{Phase: plan.Born})
		b.parentAdd("linux.resources.memory.limit", &plan.MoveInside{})
		b.parentAdd("", &plan.Continue{Phase: plan.Born})
	}
	if b.cgroup.rdt {
		b.parentAdd("linux.intelRdt", &plan.EnterRdtGroup{})
	}
	// The verifier takes its time over the device filter, and init over its mounts:
	// they do it side by side. Until it has our message to continue,
	// init runs nothing but the plan.
	b.plan.Parent = append(b.plan.Parent, b.cgroup.limits...)
	if b.ns.pidLast == nil {
		b.cgroup.limitPids()
	}
	if !b.mounts.disks {
		b.plan.Parent = append(b.plan.Parent, b.cgroup.devices...)
	}
	if b.proc.oom != nil {
		b.parentAdd("process.oomScoreAdj", b.proc.oom)
	}
	b.trees.openMore(b.ns.foreign())
	if b.awaitsMounts() {
		b.parentAdd("", &plan.Await{Phase: plan.Mounted})
	}
	if b.mounts.disks {
		b.plan.Parent = append(b.plan.Parent, b.cgroup.devices...)
	}
	if b.cgroup.subcgroup != nil {
		b.parentAdd("annotations."+delegateCgroup, b.cgroup.subcgroup)
	}
	b.plan.Parent = append(b.plan.Parent, b.ns.netDevices...)
	b.hooks.outside("prestart", b.hooks.list.Prestart) //nolint:staticcheck // deprecated, but engines use it
	b.hooks.outside("createRuntime", b.hooks.list.CreateRuntime)
	b.parentAdd("", &plan.Continue{Phase: plan.Mounted})
	if b.ns.pidLast != nil {
		if err := b.adoptLast(); err != nil {
			return err
		}
	} else if b.privileges.watches() {
		b.privileges.takeListener()
	} else {
		b.privileges.sendListener()
	}
	b.parentAdd("", &plan.Await{Phase: plan.Ready})
	return nil
}

// takeListener plans taking the listener of a filter that notifies from init, which then
// clones the process that stays.
func (b *privilegeBuilder) takeListener() {
	switch {
	case b.watches():
		b.parentAdd("linux.seccomp", &plan.WatchCalls{})
	case b.filter != nil && b.filter.Notify:
		b.parentAdd("linux.seccomp", &plan.TakeListener{})
	}
}

// sendListener plans sending it to the agent.
func (b *privilegeBuilder) sendListener() {
	if b.filter != nil && b.filter.Notify {
		s := b.linux.Seccomp
		b.parentAdd("linux.seccomp.listenerPath", &plan.SendListener{Path: s.ListenerPath, Metadata: s.ListenerMetadata})
	}
}

// limitPids plans the limit that comes once the process is there that stays: to join
// namespaces it takes another one.
func (b *cgroupBuilder) limitPids() {
	if pids := pidsLimit(b.linux.Resources); pids != 0 {
		b.parentAdd("linux.resources.pids.limit", &plan.SetPids{Limit: pids})
	}
}

// adoptLast plans how the process that init clones in the pid namespace becomes the
// container's. Not every scheduling policy is inherited.
func (b *builder) adoptLast() error {
	b.privileges.takeListener()
	b.parentAdd("", &plan.ReceivePidfd{})
	b.privileges.sendListener()
	b.cgroup.limitPids()
	scheduler, err := b.scheduling.scheduler()
	if err == nil && scheduler != nil {
		b.parentAdd("process.scheduler", scheduler)
	}
	b.parentAdd("", &plan.Continue{Phase: plan.Born})
	return err
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
