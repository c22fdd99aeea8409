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

// builder is a plan in the making. Its stages run in the order of Plan; each
// reads its part of the configuration, and leaves what later ones need.
type builder struct {
	spec    *specs.Spec
	process *specs.Process
	linux   *specs.Linux
	host    *Host
	opts    *Options

	plan     plan.Plan
	trees    []plan.Item              // by slot: OpenTree, MakeTree, OpenLog steps of the parent, found while planning init's mounts
	lent     map[int][]plan.Item      // MapTree steps, by the batch of trees during which init asks for them
	limits   []plan.Item              // of the cgroup: set by the parent while init starts
	devices  []plan.Item              // SetDevices: as limits, or once there are disks that init has mounted
	disks    bool                     // there are
	overlays []plan.Item              // FindLayers steps
	remounts []plan.Item              // what becomes read-only only at the end
	bound    []string                 // targets of bind mounts
	mounted  map[string]*plan.MountFS // by target: what was mounted there last; nil: a bind mount
	kept     int                      // how many filesystems init keeps for Remounts

	netDevices []plan.Item // MoveNetDevice steps
	rdt        bool        // linux.intelRdt is there
	hookLog    plan.HookLog
	subcgroup  *plan.EnterSubcgroup // nil: none
	warnings   []Warning

	unmounted    bool              // there is no mount namespace
	rootfs       *plan.EnterRootfs // nil: the mount namespace is a copy of the host's, see chooseNamespace
	hostView     bool              // a mount needs the host's mounts beside the root filesystem, see chooseNamespace
	rootReadonly string            // the field that wants the root read-only; empty: none

	pidLast *plan.JoinPID // nil: the pid namespace is new, the caller's, or joined with the others

	live     bool // the container exists, and only mounts are planned
	ns       namespaces
	spawn    plan.Spawn
	rootProp rootPropagation
	cgroup   string
	env      environment
	hooks    specs.Hooks

	giveStdio    *plan.GiveStdio // nil: none
	pipeStdio    bool
	identity     *plan.SetIdentity
	capabilities *plan.SetCapabilities
	filter       *plan.LoadSeccomp    // nil: none
	oom          *plan.SetOOMScoreAdj // nil: as the caller's
	rlimits      []plan.Rlimit        // empty: as the caller's
}

// Plan validates a configuration and turns it into the steps that make the
// container. The same input makes the same plan. The error, if any, is the
// first mistake found, a *plan.FieldError.
func Plan(spec *specs.Spec, host Host, opts Options) (*plan.Plan, []Warning, error) {
	b := &builder{spec: spec, host: &host, opts: &opts}
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
	for _, stage := range [...]func(*builder) error{
		(*builder).planNamespaces,
		(*builder).planIDMaps,
		(*builder).planNetDevices,
		(*builder).checkProcess,
		(*builder).checkTerminal,
		(*builder).planIdentity,
		(*builder).planRlimits,
		(*builder).planSeccomp,
		(*builder).planCapabilities,
		(*builder).planOOM,
		(*builder).planHooks,
		(*builder).checkAnnotations,
		(*builder).planHookLogs,

		(*builder).planCgroup,
		(*builder).planRdt,
		(*builder).enterNamespaces,
		(*builder).planRoot,
		(*builder).planKeyring,
		(*builder).planMounts,
		(*builder).chooseNamespace,
		(*builder).planDevices,
		(*builder).planPaths,
		(*builder).finishMounts,
		(*builder).planSysctls, // while the host's /proc is there
		(*builder).switchRoot,
		(*builder).planNames,
		(*builder).planStdio,
		(*builder).planScheduling,
		(*builder).planLabels,
		(*builder).planBecome,
	} {
		if err := stage(b); err != nil {
			return err
		}
	}
	b.plan.Filter = b.filter
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
	b.process, b.linux = b.spec.Process, b.spec.Linux
	if v := b.spec.Version; !strings.HasPrefix(v, "1.") {
		b.warn("ociVersion", `"`+v+`" is not a version of the specification that this runtime knows, it is read as 1.x`)
	}
	return nil
}

// planKeyring: without one of its own the container would have the keys of
// the caller's session, see session-keyring(7).
func (b *builder) planKeyring() error {
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
func (b *builder) planPaths() error {
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
			b.rootReadonly = field
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
	b.createContainerHooks()
	return nil
}

// awaitsMounts: only hooks, network devices, a device filter that does not let init mount its
// disks and a cgroup below that of init's cgroup namespace have to wait until init has
// its mounts.
// Without them init finds the word to continue when it gets there, and neither
// waits for the other.
func (b *builder) awaitsMounts() bool {
	return len(b.netDevices) > 0 || b.disks && len(b.devices) > 0 || b.subcgroup != nil || len(b.hooks.Prestart) > 0 || len(b.hooks.CreateRuntime) > 0
}

// raiseRlimits plans what comes right before a process is made, which inherits it.
func (b *builder) raiseRlimits() {
	if len(b.rlimits) > 0 {
		b.parentAdd("process.rlimits", &plan.RaiseRlimits{Limits: b.rlimits})
	}
}

// finishParent plans the parent's half, now that init's is known.
func (b *builder) finishParent() error {
	b.openTrees(b.ns.has(specs.UserNamespace))
	b.plan.Parent = append(b.plan.Parent, b.overlays...)
	b.raiseRlimits()
	b.spawnWithStdio("linux.namespaces", &b.spawn)
	if b.spawn.Outside {
		b.parentAdd("", &plan.Await{Phase: plan.Born})
		b.parentAdd("linux.resources.memory.limit", &plan.MoveInside{})
		b.parentAdd("", &plan.Continue{Phase: plan.Born})
	}
	if b.rdt {
		b.parentAdd("linux.intelRdt", &plan.EnterRdtGroup{})
	}
	// The verifier takes its time over the device filter, and init over its mounts:
	// they do it side by side. Until it has our word to continue,
	// init runs nothing but the plan.
	b.plan.Parent = append(b.plan.Parent, b.limits...)
	if b.pidLast == nil {
		b.limitPids()
	}
	if !b.disks {
		b.plan.Parent = append(b.plan.Parent, b.devices...)
	}
	if b.oom != nil {
		b.parentAdd("process.oomScoreAdj", b.oom)
	}
	b.openMore(b.ns.has(specs.UserNamespace))
	if b.awaitsMounts() {
		b.parentAdd("", &plan.Await{Phase: plan.Mounted})
	}
	if b.disks {
		b.plan.Parent = append(b.plan.Parent, b.devices...)
	}
	if b.subcgroup != nil {
		b.parentAdd("annotations."+delegateCgroup, b.subcgroup)
	}
	b.plan.Parent = append(b.plan.Parent, b.netDevices...)
	b.hooksOutside("prestart", b.hooks.Prestart) //nolint:staticcheck // deprecated, but engines use it
	b.hooksOutside("createRuntime", b.hooks.CreateRuntime)
	b.parentAdd("", &plan.Continue{Phase: plan.Mounted})
	if b.pidLast != nil {
		if err := b.adoptLast(); err != nil {
			return err
		}
	} else {
		b.sendListener()
	}
	b.parentAdd("", &plan.Await{Phase: plan.Ready})
	return nil
}

// takeListener plans taking the listener of a filter that notifies from init, which then
// clones the process that stays.
func (b *builder) takeListener() {
	if b.filter != nil && b.filter.Notify {
		b.parentAdd("linux.seccomp", &plan.TakeListener{})
	}
}

// sendListener plans sending it to the agent.
func (b *builder) sendListener() {
	if b.filter != nil && b.filter.Notify {
		s := b.linux.Seccomp
		b.parentAdd("linux.seccomp.listenerPath", &plan.SendListener{Path: s.ListenerPath, Metadata: s.ListenerMetadata})
	}
}

// limitPids plans the limit that comes once the process is there that stays: to join
// namespaces it takes another one.
func (b *builder) limitPids() {
	if pids := pidsLimit(b.linux.Resources); pids != 0 {
		b.parentAdd("linux.resources.pids.limit", &plan.SetPids{Limit: pids})
	}
}

// adoptLast plans how the process that init clones in the pid namespace becomes the
// container's. Not every scheduling policy is inherited.
func (b *builder) adoptLast() error {
	b.takeListener()
	b.parentAdd("", &plan.ReceivePidfd{})
	b.sendListener()
	b.limitPids()
	scheduler, err := b.scheduler()
	if err == nil && scheduler != nil {
		b.parentAdd("process.scheduler", scheduler)
	}
	b.parentAdd("", &plan.Continue{Phase: plan.Born})
	return err
}

// add appends a step of init's.
func (b *builder) add(field string, step plan.InitStep) {
	b.plan.Init = append(b.plan.Init, plan.Item{Field: field, Step: step})
}

// parentAdd appends a step of the parent's.
func (b *builder) parentAdd(field string, step plan.Step) {
	b.plan.Parent = append(b.plan.Parent, plan.Item{Field: field, Step: step})
}

func (b *builder) warn(field, text string) {
	b.warnings = append(b.warnings, Warning{Field: field, Text: text})
}

// mustWarn is for what the runtime specification demands to be logged.
func (b *builder) mustWarn(field, text string) {
	b.warnings = append(b.warnings, Warning{Field: field, Text: text, Must: true})
}

// inUserNS reports whether the container's root is not the host's.
func (b *builder) inUserNS() bool { return b.host.UserNS || b.ns.has(specs.UserNamespace) }

// rootless reports whether the runtime lacks the privileges of the host's root.
func (b *builder) rootless() bool { return b.opts.Rootless || b.host.UserNS || b.host.EUID != 0 }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
