package specconv

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// planMounts plans mounts, in the order of the configuration.
func (b *builder) planMounts() error {
	for i := range b.spec.Mounts {
		if err := b.planMount(index("mounts", i), &b.spec.Mounts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) planMount(field string, m *specs.Mount) error {
	target, err := b.destination(field+".destination", m.Destination)
	if err != nil {
		return err
	}
	words, err := readOptions(field+".options", m.Options)
	if err != nil {
		return err
	}
	if m.Type == "bind" {
		words.bind = true
	}
	mapped := words.idmap || words.ridmap || len(m.UIDMappings)+len(m.GIDMappings) > 0
	switch {
	case words.remount:
		if words.param >= 0 {
			return invalid(index(field+".options", words.param), "",
				"%q: remounts can change attributes of the mount only, expected none of the filesystem's options", m.Options[words.param])
		}
		b.add(field, &plan.Remount{Target: target, Options: words.options})
		return nil
	case words.bind:
		return b.planBind(field, m, target, &words)
	case mapped:
		return invalid(field, "add bind or rbind to its options", "id-mapped mounts must be bind mounts, found type %q", m.Type)
	}
	return b.planFilesystem(field, m, target, &words)
}

// destination makes a mount point an absolute path below the root filesystem.
func (b *builder) destination(field, destination string) (string, error) {
	if destination == "" {
		return "", invalid(field, "", "empty, expected an absolute path in the container")
	}
	if destination[0] != '/' {
		b.warn(field, `mount destination "`+destination+`" is not absolute, it is taken as below /`)
	}
	target := path.Clean("/" + destination)
	if target == "/" {
		return "", invalid(field, "use root.path", "%q is the root filesystem itself, expected a path below it", destination)
	}
	return target, nil
}

// planBind plans a bind mount: the parent opens the source, init attaches it.
func (b *builder) planBind(field string, m *specs.Mount, target string, w *mountWords) error {
	if w.param >= 0 {
		return invalid(index(field+".options", w.param), "",
			"%q: bind mounts cannot have any filesystem-specific options applied", m.Options[w.param])
	}
	if m.Source == "" {
		return invalid(field+".source", "", "empty, expected the host path to bind")
	}
	if err := checkProc(field, target, m.Type, true); err != nil {
		return err
	}
	idmap, err := b.mountIDMap(field, m, w)
	if err != nil {
		return err
	}
	source := b.fromBundle(m.Source)
	slot := b.open(field+".source", &plan.OpenTree{Path: source, Recursive: w.rbind, NoFollow: w.noFollow, IDMap: idmap})
	options := w.options
	options.Propagation = bindPropagation(b.rootProp.bind, options.Propagation, w.rbind)
	b.add(field, &plan.Bind{Slot: slot, Source: source, Target: target, Options: options})
	b.bound = append(b.bound, target)
	return nil
}

// bindPropagation puts base before a bind mount's own propagation words. The
// clone of a shared mount is in the peer group of the original: what is mounted
// on it in the container would appear on the host. A first word that ends this
// itself, for all mounts that were cloned, makes base superfluous.
func bindPropagation(base uint64, own []uint64, recursive bool) []uint64 {
	if len(own) > 0 && (own[0] == base || own[0]&unix.MS_SHARED == 0 && (own[0]&unix.MS_REC != 0 || !recursive)) {
		return own
	}
	return append([]uint64{base}, own...)
}

// mountIDMap resolves the mapping of an id-mapped mount: its own, or with the
// option alone the container's.
func (b *builder) mountIDMap(field string, m *specs.Mount, w *mountWords) (*plan.IDMap, error) {
	uids, gids := m.UIDMappings, m.GIDMappings
	switch {
	case len(uids) == 0 && len(gids) == 0 && !w.idmap && !w.ridmap:
		return nil, nil
	case len(uids) == 0 && len(gids) == 0:
		if !b.ns.has(specs.UserNamespace) {
			return nil, invalid(field, "add uidMappings and gidMappings to the mount",
				"option idmap without mappings takes those of the user namespace, found none")
		}
		return &plan.IDMap{UIDs: b.spawn.UIDMaps, GIDs: b.spawn.GIDMaps, Recursive: w.ridmap}, nil
	case len(uids) == 0:
		return nil, invalid(field+".uidMappings", "", "empty, expected mappings beside gidMappings")
	case len(gids) == 0:
		return nil, invalid(field+".gidMappings", "", "empty, expected mappings beside uidMappings")
	}
	if err := checkIDMaps(field+".uidMappings", uids); err != nil {
		return nil, err
	}
	if err := checkIDMaps(field+".gidMappings", gids); err != nil {
		return nil, err
	}
	return &plan.IDMap{UIDs: uids, GIDs: gids, Recursive: w.ridmap}, nil
}

// planFilesystem plans a mount of a new filesystem instance.
func (b *builder) planFilesystem(field string, m *specs.Mount, target string, w *mountWords) error {
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
		b.planCgroupMount(field, step)
	case "sysfs":
		b.planSysfs(field, step)
	case "proc", "mqueue":
	default:
		if b.host.SELinux && b.linux.MountLabel != "" {
			step.Params = append(step.Params, "context="+b.linux.MountLabel)
		}
	}
	b.remountLater(field, step)
	b.add(field, step)
	return nil
}

// planCgroupMount makes any cgroup mount one of cgroup v2, whose options are
// those of the host's mount for everyone: none is passed on. Without a cgroup
// namespace of its own a user namespace may not mount it; then the container
// gets to see its own cgroup, never the host's hierarchy (CVE-2023-25809), and
// if there is none, an empty directory.
func (b *builder) planCgroupMount(field string, step *plan.MountFS) {
	step.Type, step.Params = "cgroup2", nil
	if !b.inUserNS() {
		return
	}
	step.Mask = true
	if b.host.CgroupRoot != "" {
		step.Fallback = b.open(field, &plan.OpenTree{Path: path.Join(b.host.CgroupRoot, b.cgroup), Optional: true})
	}
}

// planSysfs: a sysfs shows a network namespace, and mounting it takes the user
// namespace that owns that. The host's is the way out.
func (b *builder) planSysfs(field string, step *plan.MountFS) {
	if b.inUserNS() && !b.ns.makes(specs.NetworkNamespace) {
		step.Fallback = b.open(field, &plan.OpenTree{Path: "/sys", Recursive: true, Optional: true})
	}
}

// remountLater postpones the read-only attribute of a tmpfs, which is born
// empty, until mount points and devices have been made in it.
func (b *builder) remountLater(field string, step *plan.MountFS) {
	const ro = unix.MOUNT_ATTR_RDONLY
	if step.Options.Attr.Set&ro == 0 || step.Type != "tmpfs" && step.Target != "/dev" {
		return
	}
	step.Options.Attr.Set &^= ro
	remount := &plan.Remount{Target: step.Target, Options: plan.MountOptions{Attr: plan.Attr{Set: ro}}}
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
