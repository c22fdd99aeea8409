package specconv

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// Live is what a change of a container's mounts needs to know of it.
type Live struct {
	ID, Bundle string
	Cgroup     string                     // path in the hierarchy
	Added      []uint64                   // ids of mounts that AddMounts has added
	Joins      []specs.LinuxNamespaceType // of those a helper process joins, that are not the runtime's
}

// LiveNamespaces lists the namespaces that a helper process joins at once: the user
// namespace for its identity and its powers, the others because filesystems
// show them. The mount namespace comes by descriptor later, the pid namespace
// never.
func LiveNamespaces() []specs.LinuxNamespaceType {
	return []specs.LinuxNamespaceType{specs.UserNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.CgroupNamespace}
}

// AddMounts turns mounts into the steps that add them to a container that
// exists. Its configuration is spec.
func AddMounts(spec *specs.Spec, mounts []specs.Mount, host Host, l Live) (*plan.Plan, []Warning, error) {
	b, err := liveBuilder(spec, host, l)
	if err != nil {
		return nil, nil, err
	}
	own := *spec
	own.Mounts = mounts
	b.spec = &own
	b.cgroup.path = l.Cgroup
	enter := new(plan.EnterContainer)
	b.add("", enter)
	for i := range mounts {
		if err := b.checkLive(index("mounts", i), &mounts[i]); err != nil {
			return nil, b.warnings, err
		}
	}
	if err := b.mounts.planMounts(); err != nil {
		return nil, b.warnings, err
	}
	b.plan.Init = append(b.plan.Init, b.mounts.remounts...)
	// Until the helper process may continue, it removes what it has added: what is not in
	// the state file could not be removed later.
	b.add("", &plan.Sync{Phase: plan.Mounted})
	b.finishLive(enter, l, true, &plan.Await{Phase: plan.Mounted}, &plan.SaveMounts{}, &plan.Continue{Phase: plan.Mounted})
	return &b.plan, b.warnings, nil
}

// RemoveMounts turns mounts, of which only the destinations count, into the
// steps that take them away from a container that exists. All are found before
// the first one goes; those that are on another one go before that.
func RemoveMounts(spec *specs.Spec, mounts []specs.Mount, host Host, l Live) (*plan.Plan, []Warning, error) {
	b, err := liveBuilder(spec, host, l)
	if err != nil {
		return nil, nil, err
	}
	enter := new(plan.EnterContainer)
	b.add("", enter)
	var found []plan.Item
	for i := range mounts {
		field := index("mounts", i) + ".destination"
		target, err := b.mounts.destination(field, mounts[i].Destination)
		if err != nil {
			return nil, b.warnings, err
		}
		found = append(found, plan.Item{Field: field, Step: &plan.FindMount{Target: target, Added: l.Added}})
	}
	target := func(item plan.Item) string { return item.Step.(*plan.FindMount).Target }
	slices.SortStableFunc(found, func(a, b plan.Item) int { return strings.Compare(target(b), target(a)) })
	for i := 1; i < len(found); i++ {
		if target(found[i]) == target(found[i-1]) {
			return nil, b.warnings, invalid(found[i].Field, "remove them one after the other", "%q is there twice", target(found[i]))
		}
	}
	b.plan.Init = append(b.plan.Init, found...)
	b.add("", &plan.DetachMounts{})
	b.finishLive(enter, l, false, &plan.Await{Phase: plan.Done}, &plan.SaveMounts{})
	return &b.plan, b.warnings, nil
}

// LiveDevice is a device to be added to a container that exists.
type LiveDevice struct {
	plan.AddDevice
	Source string // the node on the host
}

// ChangeDevices turns devices into the steps that remove nodes from a container that
// exists, and then add others. What was removed stays so if another step fails: a process
// in the container must not keep a device by making a later step fail.
func ChangeDevices(spec *specs.Spec, remove []plan.RemoveDevice, add []LiveDevice, host Host, l Live) (*plan.Plan, error) {
	b, err := liveBuilder(spec, host, l)
	if err != nil {
		return nil, err
	}
	enter := new(plan.EnterContainer)
	b.add("", enter)
	for i := range remove {
		b.add("--device-remove", &remove[i])
	}
	for i := range add {
		step := &add[i].AddDevice
		if step.Slot = -1; b.ns.inUserNS() {
			step.Slot = b.trees.open("--device-add", &plan.OpenTree{Path: add[i].Source, Device: true, Owners: b.ns.spawn.UIDMaps})
		}
		b.add("--device-add", step)
	}
	// As in AddMounts.
	b.add("", &plan.Sync{Phase: plan.Mounted})
	b.finishLive(enter, l, true, &plan.Await{Phase: plan.Mounted}, &plan.SaveDevices{}, &plan.Continue{Phase: plan.Mounted})
	return &b.plan, nil
}

func liveBuilder(spec *specs.Spec, host Host, l Live) (*builder, error) {
	b := newBuilder(spec, host, Options{ID: l.ID, Bundle: l.Bundle})
	b.live = true
	if b.linux == nil {
		return nil, invalid("linux", linuxHint, "linux must be specified")
	}
	b.plan.Container = plan.Container{ID: l.ID, Bundle: l.Bundle, OCIVersion: spec.Version}
	var err error
	done := func(stage error) bool { err = stage; return err == nil }
	_ = done(b.ns.planNamespaces()) &&
		done(b.ns.planIDMaps()) &&
		done(b.mounts.planPropagation())
	if err != nil {
		return nil, err
	}
	return b, nil
}

// checkLive refuses what could not be taken back, or would show the container
// more than its own: a new procfs shows the pid namespace of the process that
// makes it, which is not the container's.
func (b *builder) checkLive(field string, m *specs.Mount) error {
	words, err := readOptions(field+".options", m.Options)
	switch {
	case err != nil:
		return err
	case words.remount:
		return invalid(field+".options", "remove the mount, and add it with other options",
			"remount can't be undone, expected a mount that is new")
	case words.copyLink:
		return invalid(field+".options", "", "copy-symlink can't be undone, expected a mount")
	case m.Type == "proc" && !words.bind && b.ns.has(specs.PIDNamespace):
		return invalid(field+".type", "", "%q can't be added to a container that exists, it would show processes of the host", m.Type)
	}
	return nil
}

// finishLive plans the end of the helper process, of which it may say nothing, and the
// parent's half with its end. The descriptors of EnterContainer come after the trees.
func (b *builder) finishLive(enter *plan.EnterContainer, l Live, quiet bool, end ...plan.Step) {
	enter.Mount, enter.Proc = len(b.trees.list), len(b.trees.list)+1
	b.add("", &plan.Sync{Phase: plan.Done, Quiet: quiet})
	b.trees.openTrees(slices.Contains(l.Joins, specs.UserNamespace) && !b.ns.unmounted)
	b.parentAdd("", &plan.SpawnHelper{Join: l.Joins})
	b.trees.openMore(false)
	for _, step := range end {
		b.parentAdd("", step)
	}
}
