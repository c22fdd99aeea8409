package specconv

import (
	"cmp"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// Image is what a restore needs to know of an image, beside what CRIU reads.
type Image struct {
	Streams []string // by descriptor: the key by which the image knows a standard stream; "": none
	Mounts  []plan.ImageMount
	Limits  *specs.LinuxResources // of the last update; nil: there was none
}

// Keys by which an image knows namespaces that the container was given.
const (
	KeyNetworkNamespace = "extRootNetNS"
	KeyPIDNamespace     = "extRootPidNS"
)

// Restore validates a configuration and turns it into the steps that make the
// container of an image. Errors are as those of [Plan].
func Restore(spec *specs.Spec, host Host, opts Options, image Image) (*plan.Plan, []Warning, error) {
	r := &restore{builder: newBuilder(spec, host, opts), used: make(map[int]bool)}
	err := r.sortSteps()
	if err == nil {
		err = r.placeMounts()
	}
	if err == nil {
		err = r.stageMounts(image.Mounts)
	}
	if err == nil {
		err = r.passNamespaces()
	}
	if err != nil {
		return nil, r.warnings, err
	}
	r.passStreams(image.Streams)
	r.finish(image.Limits)
	return &r.plan, r.warnings, nil
}

// restore is the plan of a restore in the making.
type restore struct {
	*builder
	restorables []restorable
	externals   []External
	stdio       *plan.OwnStdio // nil: streams stay whose they are
	cgroups     bool           // a cgroup namespace is made
	used        map[int]bool   // slots of trees that steps of a restore need
	steps       restoreSteps
}

// restoreSteps are steps of a restore, by when they come.
type restoreSteps struct {
	passed         []plan.Item // to CRIU, before it starts
	points, stages []plan.Item // mount points, and what CRIU mounts from outside
	network        []plan.Item // init's steps in a new network namespace
	setRoot        []plan.Item // what CRIU does not restore of the root filesystem
}

// restorable is a mount in which mount points and sources of others can be.
type restorable struct {
	field, target string
	slot          int // -1: a filesystem of the container's own, which CRIU fills
	readonly      bool
	source        *plan.OpenInRoot // what in the container it is of; nil: nothing
	external      int              // index of the same mount, if it is a bind mount
}

// sortSteps plans what a container is made of, and sorts init's steps by what
// restores their effect.
func (r *restore) sortSteps() error {
	r.host.RootNamespace = false // CRIU makes it, and mounts
	if err := r.planInit(); err != nil {
		return err
	}
	if r.ns.unmounted {
		return invalid("linux.namespaces", `add {"type": "mount"}`, "no mount namespace: CRIU restores no container without")
	}
	var source *plan.OpenInRoot
	var maps []plan.Item
	for _, batch := range sortedKeys(r.trees.lent) {
		maps = append(maps, r.trees.lent[batch]...)
	}
	var idmap *plan.IDMap
	for _, item := range r.plan.Init {
		switch s := item.Step.(type) {
		case *plan.OpenInRoot:
			source, idmap = s, nil
		case *plan.LendTree:
			idmap, maps = &maps[0].Step.(*plan.MapTree).IDMap, maps[1:]
		case *plan.Bind:
			if s.Slot >= 0 {
				r.sortBind(item.Field, s, nil, nil)
			} else {
				r.sortBind(item.Field, s, source, idmap)
			}
		default:
			if err := r.sort(item); err != nil {
				return err
			}
		}
	}
	return r.checkRoot()
}

// sort takes note of a step of init's that CRIU leaves to the runtime.
func (r *restore) sort(item plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.AttachRoot:
		r.restorables = append(r.restorables, restorable{target: "/", slot: s.Slot})
	case *plan.UnshareCgroup:
		r.cgroups = true
	case *plan.MountFS:
		r.restorables = append(r.restorables, restorable{field: item.Field, target: s.Target, slot: -1})
		if s.Type == "cgroup2" && !r.cgroups {
			r.external(plan.ExternalCgroup, item.Field, s.Target, plan.StageMount{Slot: s.Fallback, Options: s.Options})
		}
	case *plan.MaskPath:
		options := plan.MountOptions{Attr: plan.Attr{Set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC}}
		r.external(plan.ExternalMask, item.Field, s.Path, plan.StageMount{Slot: -1, Options: options})
	case *plan.MakeDevice:
		if s.Slot >= 0 {
			r.external(plan.ExternalDevice, item.Field, s.Path, plan.StageMount{Slot: s.Slot})
		}
	case *plan.LoopbackUp:
		r.steps.network = append(r.steps.network, item)
	case *plan.Sysctl:
		if strings.HasPrefix(s.Key, "net.") && r.ns.makes(specs.NetworkNamespace) {
			r.steps.network = append(r.steps.network, item)
		}
	case *plan.SetRoot:
		if s.Readonly {
			r.steps.setRoot = append(r.steps.setRoot, plan.Item{Field: r.root.readonly, Step: &plan.SetRoot{Readonly: true}})
		}
	case *plan.OwnStdio:
		r.stdio = s
	default:
		if !inImage(s) {
			return fmt.Errorf("%s: what a restore has to do for this step is not known", item)
		}
	}
	return nil
}

// inImage reports whether CRIU brings back what a step has done, or whether it
// is done but once in a container's life.
func inImage(step plan.Step) bool {
	switch step.(type) {
	case *plan.SetPropagation, *plan.Remount, *plan.ReadonlyPath, *plan.PivotRoot, *plan.MoveRoot,
		*plan.MakeDir, *plan.MakeSymlink, *plan.SetHostname, *plan.SetDomainname, *plan.Console, *plan.ReopenNull,
		*plan.SetPersonality, *plan.SetScheduler, *plan.SetIOPriority, *plan.SetMemoryPolicy, *plan.SetLabels,
		*plan.SetIdentity, *plan.SetCapabilities, *plan.SetNoNewPrivs, *plan.DropAdmin, *plan.SetRlimits,
		*plan.LoadSeccomp, *plan.Chdir, *plan.JoinPID, *plan.CloneInside:
		return true
	case *plan.Sync, *plan.Hooks, *plan.JoinKeyring, *plan.CloseOthers, *plan.FindExecutable, *plan.WaitStart, *plan.Execute:
		return true
	}
	return false
}

// sortBind takes note of a bind mount. Of what is in the container there is the
// step that opens it, and the mapping of its ids.
func (r *restore) sortBind(field string, s *plan.Bind, source *plan.OpenInRoot, idmap *plan.IDMap) {
	stage := plan.StageMount{Slot: s.Slot, Options: s.Options}
	if source != nil {
		stage.InTree, stage.Recursive, stage.IDMap = true, source.Recursive, idmap
	}
	readonly := (s.Options.Attr.Set|s.Options.Recursive.Set)&unix.MOUNT_ATTR_RDONLY != 0
	r.restorables = append(r.restorables, restorable{field, s.Target, s.Slot, readonly, source, len(r.externals)})
	r.external(plan.ExternalBind, field, s.Target, stage)
}

func (r *restore) external(kind, field, target string, stage plan.StageMount) {
	e := External{Kind: kind, Field: field, Target: target, Options: stage.Options, stage: stage}
	if stage.Slot >= 0 && kind != plan.ExternalCgroup {
		e.Source, _ = r.trees.list[stage.Slot].Step.(*plan.OpenTree)
	}
	r.externals = append(r.externals, e)
}

// checkRoot refuses a container whose root is one of its mounts.
func (r *restore) checkRoot() error {
	for _, m := range r.restorables[1:] {
		if m.target == "/" {
			return invalid(m.field+".destination", "use root.path",
				`a container with a mount on "/" can't be checkpointed or restored: CRIU takes root.path for its root`)
		}
	}
	return nil
}

// placeMounts plans the mount points that the container's first start has made
// in the root filesystem and in the sources of bind mounts, which may be others
// by now. In what is mounted read-only it could have made none either.
func (r *restore) placeMounts() error {
	slots := len(r.trees.list)
	for i := range r.restorables {
		m := &r.restorables[i]
		before := r.restorables[:i]
		if i == 0 {
			r.used[m.slot] = true
			continue
		}
		if m.source != nil {
			in, rest := find(before, m.source.Path)
			if in.slot < 0 {
				return invalid(m.field+".source", "",
					"%q is in a filesystem of the container's own, which has no files before CRIU restores them", m.source.Path)
			}
			m.slot = slots
			slots++
			r.externals[m.external].stage.Slot = m.slot
			r.point(m.field, &plan.OpenInTree{Slot: m.slot, Path: m.source.Path, Tree: in.slot, Rest: cmp.Or(rest, "/"), NoFollow: m.source.NoFollow})
		} else if m.slot >= 0 {
			r.used[m.slot] = true
		}
		if in, rest := find(before, m.target); in.slot >= 0 && rest != "" {
			r.point(m.field, &plan.MakeMountPoint{Path: m.target, Tree: in.slot, Rest: rest, Like: m.slot, Readonly: in.readonly})
		}
	}
	return nil
}

func (r *restore) point(field string, step plan.Step) {
	r.steps.points = append(r.steps.points, plan.Item{Field: field, Step: step})
}

// find finds the mount that a path is in, and the path in there. Mounts are taken
// by their names: where links of the image lead is not known before it is
// mounted.
func find(mounts []restorable, path string) (in *restorable, rest string) {
	for i := len(mounts) - 1; ; i-- { // the first is on "/"
		rest, ok := strings.CutPrefix(path, strings.TrimSuffix(mounts[i].target, "/"))
		if ok && (rest == "" || rest[0] == '/') {
			return &mounts[i], rest
		}
	}
}

// stageMounts plans what the image's external mounts are of.
func (r *restore) stageMounts(mounts []plan.ImageMount) error {
	for _, m := range mounts {
		e := r.externalOf(m)
		switch {
		case e == nil:
			return invalid("mounts", "use the config.json of the checkpoint", "the image has a %s mount at %q, and config.json has none there", m.Kind, m.Target)
		case e.stage.Slot < 0 && e.Kind == plan.ExternalCgroup:
			return invalid(e.Field, "", "the image has the host's cgroups at %q, and here no cgroup file system can be mounted", m.Target)
		}
		stage := e.stage
		stage.ImageMount = m
		r.used[stage.Slot] = true
		r.steps.stages = append(r.steps.stages, plan.Item{Field: e.Field, Step: &stage})
	}
	return nil
}

func (r *restore) externalOf(m plan.ImageMount) *External {
	for i := range r.externals {
		if e := &r.externals[i]; e.Kind == m.Kind && e.Target == m.Target {
			return e
		}
	}
	return nil
}

// passNamespaces plans the namespaces that are given by path.
func (r *restore) passNamespaces() error {
	keys := map[specs.LinuxNamespaceType]string{specs.NetworkNamespace: KeyNetworkNamespace, specs.PIDNamespace: KeyPIDNamespace}
	for i, ns := range r.linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		field := index("linux.namespaces", i) + ".path"
		if ns.Type == specs.CgroupNamespace || ns.Type == specs.MountNamespace {
			return invalid(field, "leave out the path for a new namespace", "CRIU can't restore into the %s namespace %q", ns.Type, ns.Path)
		}
		r.steps.passed = append(r.steps.passed, plan.Item{Field: field, Step: &plan.PassNamespace{Type: ns.Type, Path: ns.Path, Key: keys[ns.Type]}})
	}
	return nil
}

// passStreams plans what takes the place of streams that came from outside. CRIU
// opens them again, with the rights of the container's root.
func (r *restore) passStreams(keys []string) {
	owner, field := -1, ""
	if s := r.stdio; s != nil {
		owner, field = int(s.UID), "process.user.uid"
		if maps := r.ns.spawn.UIDMaps; len(maps) > 0 {
			if uid, mapped := hostID(maps, s.UID); mapped {
				owner = int(uid)
			} else {
				owner = -1
			}
		}
	}
	for fd, key := range keys[:min(len(keys), 3)] {
		if strings.HasPrefix(key, "pipe:[") || strings.HasPrefix(key, "file[") || strings.HasPrefix(key, "tty[") {
			step := &plan.PassStream{FD: fd, Key: key, Owner: owner, PipesOnly: r.stdio != nil && r.stdio.PipesOnly}
			r.steps.passed = append(r.steps.passed, plan.Item{Field: field, Step: step})
		}
	}
}

// finish puts the plan together.
func (r *restore) finish(limits *specs.LinuxResources) {
	r.plan.Init = nil
	r.openUsed()
	r.plan.Parent = append(r.plan.Parent, r.steps.passed...)
	r.parentAdd("", &plan.StartCRIU{})
	r.giveImage()
	if r.cgroup.path != "" || r.opts.SystemdCgroup && !r.opts.NoCgroup {
		r.parentAdd("linux.cgroupsPath", &plan.MoveInside{}) // what CRIU makes is cloned there
	}
	r.plan.Parent = append(r.plan.Parent, r.cgroup.limits...)
	r.plan.Parent = append(r.plan.Parent, r.cgroup.devices...)
	if r.cgroup.rdt {
		r.parentAdd("linux.intelRdt", &plan.EnterRdtGroup{})
	}
	r.parentAdd("root.path", &plan.StageRoot{Slot: r.restorables[0].slot})
	r.plan.Parent = append(r.plan.Parent, r.steps.points...)
	r.plan.Parent = append(r.plan.Parent, r.steps.stages...)
	r.parentAdd("", &plan.RestoreProcesses{NewNetwork: r.ns.makes(specs.NetworkNamespace)})

	r.parentAdd("", &plan.Await{Phase: plan.Separated})
	r.plan.Parent = append(r.plan.Parent, r.steps.network...)
	r.plan.Parent = append(r.plan.Parent, r.ns.netDevices...)
	r.hooks.outside("prestart", r.hooks.list.Prestart) //nolint:staticcheck // deprecated, but engines use it
	r.hooks.outside("createRuntime", r.hooks.list.CreateRuntime)
	r.parentAdd("", &plan.Continue{Phase: plan.Separated})

	r.parentAdd("", &plan.Await{Phase: plan.Restored})
	r.plan.Parent = append(r.plan.Parent, r.steps.setRoot...)
	r.parentAdd("", &plan.CheckMounts{})
	r.cgroup.limitPids()
	r.parentAdd("", &plan.SaveCreated{})
	if limits != nil {
		r.parentAdd("", &plan.UpdateLimits{Resources: limits})
	}
	r.parentAdd("", &plan.Continue{Phase: plan.Restored})
	r.parentAdd("", &plan.Await{Phase: plan.Running})
}

// openUsed plans the opening of what is mounted for CRIU, and of files for hooks.
// Filesystems that the parent makes for an init CRIU makes by itself.
func (r *restore) openUsed() {
	opened := false
	for slot, item := range r.trees.list {
		_, isLog := item.Step.(*plan.OpenLog)
		if isLog || r.used[slot] {
			opened = opened || r.used[slot]
			r.plan.Parent = append(r.plan.Parent, item)
		}
	}
	if opened && r.ns.has(specs.UserNamespace) {
		r.parentAdd("linux.namespaces", &plan.LockTrees{})
	}
}

// giveImage lets the root of the container's user namespace reach the files of
// the image. Nobody else may: they hold the memory of processes. The group too:
// until CRIU has become that root it has its powers over what has both ids in
// the namespace.
func (r *restore) giveImage() {
	uid, known := hostID(r.ns.spawn.UIDMaps, 0)
	gid, knownGroup := hostID(r.ns.spawn.GIDMaps, 0)
	if known && knownGroup && r.host.EUID == 0 {
		r.parentAdd("linux.uidMappings", &plan.GiveImage{UID: int(uid), GID: int(gid)})
	}
}

// Externals lists the mounts that a container of this configuration may have
// whose content is not its own.
func Externals(spec *specs.Spec, host Host, opts Options) ([]External, error) {
	r := &restore{builder: newBuilder(spec, host, opts)}
	err := r.sortSteps()
	return r.externals, err
}

// External is a mount of a container whose content is not its own: CRIU neither
// dumps nor makes it.
//
// The cgroup filesystem is one where there is no cgroup namespace: CRIU would
// mount it without the options that it has on the host, which hold for all its
// mounts.
type External struct {
	Kind, Target string // see plan.ImageMount
	Field        string
	Options      plan.MountOptions
	Source       *plan.OpenTree // nil: /dev/null, cgroups, or what is in the container, which may have changed it
	stage        plan.StageMount
}
