package specconv

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// mountBuilder plans the container's mounts.
type mountBuilder struct {
	*draft
	ns     *namespaceBuilder
	trees  *treeBuilder
	cgroup *cgroupBuilder

	table       mountTable
	propagation rootPropagation
	remounts    []plan.Item // what becomes read-only only at the end
	overlays    []plan.Item // FindLayers steps
	disks       bool        // init mounts disks, which the device filter has to let it
	hostView    bool        // a mount needs the host's mounts beside the root filesystem, see chooseNamespace
}

// mountTable is what has been mounted where by a point of the plan.
type mountTable struct {
	bound   []string                 // targets of bind mounts
	mounted map[string]*plan.MountFS // by target: what was mounted there last; nil: a bind mount
	kept    int                      // how many filesystems init keeps for Remounts
}

// planMounts plans mounts, in the order of the configuration.
func (b *mountBuilder) planMounts() error {
	if err := b.checkContextType(); err != nil {
		return err
	}
	for i := range b.spec.Mounts {
		if err := b.planMount(index("mounts", i), &b.spec.Mounts[i]); err != nil {
			return err
		}
	}
	return b.planNotify()
}

// NotifyTarget is where a service of systemd's finds the socket for its
// messages.
const NotifyTarget = "/run/notify"

// planNotify mounts the socket's directory: the socket itself is made later, by
// start.
func (b *mountBuilder) planNotify() error {
	if b.opts.NotifyDir == "" {
		return nil
	}
	return b.planMount("NOTIFY_SOCKET", &specs.Mount{
		Destination: NotifyTarget, Type: "bind", Source: b.opts.NotifyDir,
		Options: []string{"bind", "ro", "nosuid", "nodev", "noexec", "private"},
	})
}

func (b *mountBuilder) planMount(field string, m *specs.Mount) error {
	for _, part := range [...]struct{ key, text string }{
		{".destination", m.Destination}, {".type", m.Type}, {".source", m.Source},
	} {
		if err := checkNull(field+part.key, part.text); err != nil {
			return err
		}
	}
	for i, option := range m.Options {
		if err := checkNull(index(field+".options", i), option); err != nil {
			return err
		}
	}
	target, err := b.destination(field+".destination", m.Destination)
	if err != nil {
		return err
	}
	if len(m.Options) == 0 {
		usual := *m
		usual.Options = usualOptions(m)
		m = &usual
	}
	words, err := readOptions(field+".options", m.Options)
	if err != nil {
		return err
	}
	if m.Type == "bind" {
		words.bind = true
	}
	b.hostView = b.hostView || target == "/"
	isShared := func(flags uint64) bool { return flags&unix.MS_SHARED != 0 }
	switch {
	case target == "/" && slices.ContainsFunc(words.options.Propagation, isShared):
		return invalid(field+".options", "use linux.rootfsPropagation", "a mount on %q becomes the root, and can't be shared before it is", m.Destination)
	case words.remount:
		return b.planRemount(field, m, target, &words)
	case words.bind:
		return b.planBind(field, m, target, &words)
	case words.sourceLink || words.copyLink:
		return invalid(field+".options", "add bind or rbind to them",
			"src-nofollow and copy-symlink are for bind mounts, found type %q", m.Type)
	}
	return b.planFilesystem(field, m, target, &words)
}

// usualOptions are for mounts without any whose filesystem without them is useful
// to root only, or more open than is wanted; crun has them, too.
func usualOptions(m *specs.Mount) []string {
	switch {
	case m.Type == "devpts":
		return []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	case m.Type == "mqueue":
		return []string{"nosuid", "noexec", "nodev"}
	case m.Type == "tmpfs" && path.Clean(m.Destination) == "/dev/shm":
		return []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}
	}
	return nil
}

// destination makes a mount point an absolute path in the container. What is mounted
// on "/" becomes the root, but not of a container that runs in another one.
func (b *mountBuilder) destination(field, destination string) (string, error) {
	if destination == "" {
		return "", invalid(field, "", "empty, expected an absolute path in the container")
	}
	if destination[0] != '/' {
		b.warn(field, `mount destination "`+destination+`" is not absolute, it is taken as below /`)
	}
	target := path.Clean("/" + destination)
	if target == "/" && b.live {
		return "", invalid(field, "", "%q is the root filesystem itself, expected a path below it", destination)
	}
	return target, nil
}

// planRemount plans the change of a mount that is there by then. Its filesystem
// is changed only if this configuration has made it for itself: that of a bind mount, or
// one that is the kernel's own, is also the host's.
func (b *mountBuilder) planRemount(field string, m *specs.Mount, target string, w *mountWords) error {
	if target == "/" {
		return invalid(field+".destination", "use root.readonly", "%q can't be remounted: nothing could be mounted on it any more", m.Destination)
	}
	step := &plan.Remount{Target: target, Options: w.options}
	switch fs := b.table.ownFilesystem(target); {
	case w.bind || fs == nil:
		if w.param >= 0 {
			return invalid(index(field+".options", w.param), "",
				"%q: only a tmpfs or devpts of the same container can be remounted with options of the filesystem", m.Options[w.param])
		}
		b.warnSuper(field, m, w)
	case len(w.params)+len(w.cleared) > 0:
		b.table.keep(fs)
		step.Params = append(w.params, w.cleared...)
	}
	if fs := b.table.mounted[target]; fs != nil {
		step.Kept = fs.Keep
	}
	b.add(field, step)
	return nil
}

// ownFilesystem is the filesystem that is mounted on target so far, if no other
// mount can have it.
func (t *mountTable) ownFilesystem(target string) *plan.MountFS {
	if fs := t.mounted[target]; fs != nil && (fs.Type == "tmpfs" || fs.Type == "devpts") {
		return fs
	}
	return nil
}

// keep has init keep a filesystem for Remounts.
func (t *mountTable) keep(fs *plan.MountFS) {
	if fs.Keep == 0 {
		t.kept++
		fs.Keep = t.kept
	}
}

// mount notes what is mounted on target from now on; nil is a bind mount.
func (t *mountTable) mount(target string, fs *plan.MountFS) {
	if t.mounted == nil {
		t.mounted = make(map[string]*plan.MountFS)
	}
	t.mounted[target] = fs
}

// warnSuper warns of words that ask for a flag of the filesystem, which is the
// same for all its mounts, where one is only mounted once more.
func (b *mountBuilder) warnSuper(field string, m *specs.Mount, w *mountWords) {
	if w.super >= 0 {
		b.warn(index(field+".options", w.super),
			`"`+m.Options[w.super]+`" is a flag of the filesystem: it has no effect on a mount of one that is there`)
	}
}

// planBind plans a bind mount: the parent opens the source, init attaches it.
func (b *mountBuilder) planBind(field string, m *specs.Mount, target string, w *mountWords) error {
	b.warnEngineWords(field, m, w)
	if w.param >= 0 {
		return invalid(index(field+".options", w.param), "what a bind mount takes are the mountOptions that the command features lists",
			"%q: bind mounts cannot have any filesystem-specific options applied", m.Options[w.param])
	}
	if m.Source == "" {
		return invalid(field+".source", "", "empty, expected the host path to bind")
	}
	if err := checkProc(field, target, m.Type, true); err != nil {
		return err
	}
	idmap, err := b.ns.mountIDMap(field, m, w)
	if err != nil {
		return err
	}
	b.warnSuper(field, m, w)
	source := b.fromBundle(m.Source)
	slot := b.openSource(field+".source", &plan.OpenTree{
		Path: source, Recursive: w.rbind, NoFollow: w.sourceLink || w.copyLink, IDMap: idmap,
	})
	options := w.forBind()
	if b.ns.inUserNS() && len(options.Propagation) > 0 {
		keepReadonly(&options)
	}
	base := b.propagation.bind
	if target == "/" { // a shared mount can't become the root; it is made shared at the end
		base = b.propagation.attach
	}
	options.Propagation = bindPropagation(base, options.Propagation, w.rbind)
	b.add(field, &plan.Bind{Slot: slot, Source: source, Target: target, CopyLink: w.copyLink, Options: options})
	b.table.bound = append(b.table.bound, target)
	b.table.mount(target, nil)
	return nil
}

// warnEngineWords leaves out what engines leave in of their own options for
// volumes, and warns of it.
func (b *mountBuilder) warnEngineWords(field string, m *specs.Mount, w *mountWords) {
	for w.param >= 0 && isEngineWord(m.Options[w.param]) {
		b.warn(index(field+".options", w.param), `"`+m.Options[w.param]+`" is an engine's option for volumes: it has no effect here`)
		w.param = nextParam(m.Options, w.param+1)
	}
}

// bindPropagation puts base before a bind mount's own propagation options. The
// clone of a shared mount is in the peer group of the original: what is mounted
// on it in the container would appear on the host. A first option that ends this
// itself, for all mounts that were cloned, makes base superfluous.
func bindPropagation(base uint64, own []uint64, recursive bool) []uint64 {
	if len(own) > 0 && (own[0] == base || own[0]&unix.MS_SHARED == 0 && (own[0]&unix.MS_REC != 0 || !recursive)) {
		return own
	}
	return append([]uint64{base}, own...)
}

// planFilesystem plans a mount of a new filesystem instance.
func (b *mountBuilder) planFilesystem(field string, m *specs.Mount, target string, w *mountWords) error {
	if m.Type == "" || m.Type == "none" {
		return invalid(field+".type", "", "%q, expected a filesystem type, or bind, rbind or remount among the options", m.Type)
	}
	if err := checkProc(field, target, m.Type, false); err != nil {
		return err
	}
	if w.copyUp && m.Type != "tmpfs" {
		return invalid(field+".options", "", "tmpcopyup fills a tmpfs, found type %q", m.Type)
	}
	source := m.Source
	if source == "" {
		source = m.Type
	}
	step := &plan.MountFS{
		Type: m.Type, Source: source, Target: target,
		Params: w.params, Options: w.forNew(), CopyUp: w.copyUp, Fallback: -1,
	}
	switch m.Type {
	case "cgroup", "cgroup2":
		if err := b.planCgroupMount(field, m, step, w); err != nil {
			return err
		}
	case "sysfs":
		b.planSysfs(field, step)
	case "proc", "mqueue":
	default:
		b.label(step)
	}
	if step.Options.Attr.Set&unix.MOUNT_ATTR_RDONLY != 0 && onFiles(step) {
		step.Params = append(step.Params, "ro")
	}
	if err := b.planMapped(field, m, step, w); err != nil {
		return err
	}
	if b.ns.pidLast != nil && step.Type == "proc" {
		b.makeTree(field, step, nil)
	}
	if b.live && !step.Made && namesFiles(step.Type) {
		if err := b.planOutside(field, step); err != nil {
			return err
		}
	}
	if step.Type == "overlay" && !step.Made {
		b.overlays = append(b.overlays, plan.Item{Field: field, Step: &plan.FindLayers{Mount: step}})
	}
	if err := b.checkOwners(field+".options", step); err != nil {
		return err
	}
	b.hostView = b.hostView || !step.Made && namesFiles(step.Type)
	b.disks = b.disks || !step.Made && step.Type != "overlay" && onFiles(step)
	b.remountLater(field, step)
	b.add(field, step)
	b.table.mount(target, step)
	return nil
}

// checkOwners checks the ids that a filesystem's options give it to. Init mounts
// it, in the user namespace, where the kernel would call them invalid arguments.
func (b *mountBuilder) checkOwners(field string, step *plan.MountFS) error {
	if step.Made || step.Type != "devpts" && step.Type != "tmpfs" || !b.ns.makes(specs.UserNamespace) {
		return nil
	}
	for _, p := range step.Params {
		key, text, _ := strings.Cut(p, "=")
		id, err := strconv.ParseUint(text, 10, 32)
		switch {
		case err != nil:
		case key == "uid":
			err = checkID(field, "linux.uidMappings", b.linux.UIDMappings, uint32(id))
		case key == "gid":
			err = checkID(field, "linux.gidMappings", b.linux.GIDMappings, uint32(id))
		}
		var unmapped *plan.FieldError
		if errors.As(err, &unmapped) {
			unmapped.Err = fmt.Errorf("%s: %w", p, unmapped.Err)
			return unmapped
		}
	}
	return nil
}

// contextTypes are the ways to label a filesystem, see mount(8) and crun(1).
var contextTypes = [...]string{"context", "fscontext", "defcontext", "rootcontext"}

// mountContextType is the annotation that chooses how linux.mountLabel is given
// to filesystems.
const mountContextType = "run.oci.mount_context_type"

func (b *mountBuilder) checkContextType() error {
	if word := b.spec.Annotations[mountContextType]; word != "" && !slices.Contains(contextTypes[:], word) {
		return invalid("annotations."+mountContextType, "", "%q, expected context, fscontext, defcontext or rootcontext", word)
	}
	return nil
}

// label gives a filesystem linux.mountLabel, unless its options label it.
func (b *mountBuilder) label(step *plan.MountFS) {
	own := slices.ContainsFunc(step.Params, func(p string) bool {
		key, _, _ := strings.Cut(p, "=")
		return slices.Contains(contextTypes[:], key)
	})
	if b.host.SELinux && b.linux.MountLabel != "" && !own {
		kind := cmp.Or(b.spec.Annotations[mountContextType], contextTypes[0])
		step.Params = append(step.Params, kind+"="+b.linux.MountLabel)
	}
}

// planMapped has the parent make a filesystem whose mount is id-mapped: init,
// in a user namespace of its own, does not control that of the mapping.
func (b *mountBuilder) planMapped(field string, m *specs.Mount, step *plan.MountFS, w *mountWords) error {
	idmap, err := b.ns.mountIDMap(field, m, w)
	if err != nil || idmap == nil {
		return err
	}
	switch step.Type {
	case "cgroup2", "devpts", "mqueue", "proc", "sysfs":
		return invalid(field, "remove the mapping",
			"id-mapped mounts of %s are not possible, expected a bind mount or a filesystem that stores ids", step.Type)
	}
	b.makeTree(field, step, idmap)
	return nil
}

// makeTree has the parent make a filesystem, with an id-mapped mount or, if idmap
// is nil, without.
func (b *mountBuilder) makeTree(field string, step *plan.MountFS, idmap *plan.IDMap) {
	step.Fallback, step.Made = b.trees.slot(), true
	b.trees.list = append(b.trees.list, plan.Item{Field: field, Step: &plan.MakeTree{
		Slot: step.Fallback, Type: step.Type, Source: step.Source, Params: step.Params, IDMap: idmap,
		JoinedPID: step.Type == "proc",
	}})
}

// namesFiles reports whether the source or options of a filesystem may name
// devices, directories or sockets by path, as those of ext4 and overlay do. Of what
// is not known it may be so.
func namesFiles(fstype string) bool {
	switch fstype {
	case "ceph", "cgroup2", "cifs", "devpts", "mqueue", "nfs", "nfs4", "proc", "ramfs", "smb3", "sysfs", "tmpfs":
		return false
	}
	return true
}

// onFiles reports whether what a filesystem holds is on a disk or in other directories.
// If such a one is read-only, that is, as with mount(2), not its mount alone: its
// journal is not written, and the disk can be read-only, too. Others can have a single
// instance for the whole host.
func onFiles(step *plan.MountFS) bool {
	switch step.Type {
	case "configfs", "debugfs", "devtmpfs", "efivarfs", "fusectl", "pstore", "securityfs", "selinuxfs", "tracefs":
		return false
	}
	return step.Type == "overlay" || strings.HasPrefix(step.Source, "/") && namesFiles(step.Type)
}

// planOutside has the parent make a filesystem that is added to a container which
// exists: a process in its mount namespace finds under such a path what the
// container has put there, a node of another device, and no device filter holds
// for the runtime.
func (b *mountBuilder) planOutside(field string, step *plan.MountFS) error {
	if b.ns.has(specs.UserNamespace) {
		return invalid(field+".type", "mount it on the host, and add a bind mount of that",
			"%q can't be added to a container that exists and has a user namespace", step.Type)
	}
	b.makeTree(field, step, nil)
	return nil
}

// planCgroupMount makes any cgroup mount one of cgroup v2. Options are for the
// kernel, which knows what a cgroup namespace may ask for; where the host's mount
// is the container's there is no new mount to give them to. Without a cgroup
// namespace of its own a user namespace cannot mount it; then the container
// sees its own cgroup, never the host's hierarchy (CVE-2023-25809), and
// if there is none, an empty directory.
func (b *mountBuilder) planCgroupMount(field string, m *specs.Mount, step *plan.MountFS, w *mountWords) error {
	step.Type = "cgroup2"
	switch {
	case b.ns.inUserNS():
	case b.ns.has(specs.CgroupNamespace) || b.host.CgroupRoot == "":
		return nil
	case w.param >= 0:
		return invalid(index(field+".options", w.param), "add {\"type\": \"cgroup\"} to linux.namespaces, or leave it out",
			"%q: without a cgroup namespace the mount is the host's, whose options hold for all its mounts", m.Options[w.param])
	default:
		step.Params = nil
		// The host's mount once more: a new one in the host's cgroup namespace
		// would set the options of all of them, and so take nsdelegate and
		// memory_recursiveprot from the whole host.
		step.Fallback, step.Made = b.trees.open(field, &plan.OpenTree{Path: b.host.CgroupRoot}), true
		step.Options.Propagation = bindPropagation(unix.MS_PRIVATE, step.Options.Propagation, false)
		return nil
	}
	step.Mask = true
	if b.host.CgroupRoot != "" && !b.opts.NoCgroup {
		tree := &plan.OpenTree{Optional: true} // of a unit, which is not there yet
		if b.cgroup.path != "" {
			tree.Path = path.Join(b.host.CgroupRoot, b.cgroup.path)
		}
		step.Fallback = b.trees.open(field, tree)
	}
	return nil
}

// planSysfs: a sysfs shows a network namespace, and mounting it takes the user
// namespace that owns that. The host's is the way out.
func (b *mountBuilder) planSysfs(field string, step *plan.MountFS) {
	if b.ns.inUserNS() && !b.ns.makes(specs.NetworkNamespace) {
		step.Fallback = b.trees.open(field, &plan.OpenTree{Path: "/sys", Recursive: true, Optional: true})
	}
}

// remountLater postpones the read-only attribute of a tmpfs, which is empty
// when it is made, until mount points and devices have been made in it.
func (b *mountBuilder) remountLater(field string, step *plan.MountFS) {
	const ro = unix.MOUNT_ATTR_RDONLY
	if step.Options.Attr.Set&ro == 0 || step.Type != "tmpfs" && step.Target != "/dev" || b.live && !step.CopyUp {
		return
	}
	step.Options.Attr.Set &^= ro
	b.table.keep(step)
	remount := &plan.Remount{Target: step.Target, Kept: step.Keep, Options: plan.MountOptions{Attr: plan.Attr{Set: ro}}}
	b.remounts = append(b.remounts, plan.Item{Field: field, Step: remount})
}

// checkProc keeps foreign filesystems off /proc (CVE-2019-16884,
// CVE-2019-19921). What a bind mount of /proc really is, init sees.
func checkProc(field, target, fstype string, bind bool) error {
	switch {
	case target == "/proc" && !bind && fstype != "proc":
		return invalid(field+".type", "", "%q cannot be mounted on /proc, expected proc", fstype)
	case strings.HasPrefix(target, "/proc/") && !slices.Contains(plan.ProcFiles[:], target):
		return invalid(field+".destination", "",
			"%q cannot be mounted because it is inside /proc, expected one of %s", target, strings.Join(plan.ProcFiles[:], ", "))
	}
	return nil
}
