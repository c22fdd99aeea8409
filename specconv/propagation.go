package specconv

import (
	"cmp"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// propagationFlag gives the MS_* of a propagation option, see
// mount_namespaces(7); 0 if it is none.
func propagationFlag(word string) uint64 {
	switch word {
	case "private":
		return unix.MS_PRIVATE
	case "rprivate":
		return unix.MS_PRIVATE | unix.MS_REC
	case "slave":
		return unix.MS_SLAVE
	case "rslave":
		return unix.MS_SLAVE | unix.MS_REC
	case "shared":
		return unix.MS_SHARED
	case "rshared":
		return unix.MS_SHARED | unix.MS_REC
	case "unbindable":
		return unix.MS_UNBINDABLE
	case "runbindable":
		return unix.MS_UNBINDABLE | unix.MS_REC
	}
	return 0
}

// rootPropagation is what linux.rootfsPropagation asks for, in the three
// places where it matters.
type rootPropagation struct {
	attach uint64 // of the root filesystem's tree while it is being filled
	alone  bool   // its own mount is private, whatever those below are
	bind   uint64 // that every bind mount starts from
	final  uint64 // of the finished root; 0: as attached
}

// rootBuilder plans the way to the container's root, and what is in there beside mounts.
type rootBuilder struct {
	*draft
	ns     *namespaceBuilder
	trees  *treeBuilder
	mounts *mountBuilder
	proc   *processBuilder
	hooks  *hookBuilder

	rootfs   *plan.EnterRootfs // nil: the mount namespace is a copy of the host's, see chooseNamespace
	readonly string            // the field that wants the root read-only; empty: none
}

// planRoot plans the way to the container's root, as far as it can be mounted
// on.
func (b *rootBuilder) planRoot() error {
	root := b.spec.Root
	if root.Path == "" {
		return invalid("root.path", "", "empty, expected the path of the root filesystem")
	}
	if err := b.mounts.planPropagation(); err != nil {
		return err
	}
	b.plan.Container.Rootfs = b.fromBundle(root.Path)
	if b.ns.unmounted {
		b.planBareRoot()
		return nil
	}
	slot := b.trees.open("root.path", &plan.OpenTree{Path: b.plan.Container.Rootfs, Recursive: true, Rootfs: true})
	// Nothing of the host's mount tree survives in the container: all that is
	// mounted comes in by descriptor. So the copy of it that the new namespace
	// starts with is always cut off from the host, whatever the root's
	// propagation will be.
	b.add("", &plan.SetPropagation{Flags: unix.MS_SLAVE | unix.MS_REC})
	b.add("root.path", &plan.AttachRoot{Slot: slot, Propagation: b.mounts.propagation.attach, Private: b.mounts.propagation.alone})
	return nil
}

// planPropagation resolves linux.rootfsPropagation. A shared root is a new
// peer group, not the host's (runtime-spec, config-linux.md), so it is a slave
// while it is filled and becomes shared at the end. An unbindable one could not
// be cloned for read-only paths before it is finished. Slave and private are
// final from the start: to repeat them later, with what is mounted by then,
// would overrule the mounts' own options.
func (b *mountBuilder) planPropagation() error {
	const field = "linux.rootfsPropagation"
	word := b.linux.RootfsPropagation
	flag := propagationFlag(word)
	slave, private := uint64(unix.MS_SLAVE|unix.MS_REC), uint64(unix.MS_PRIVATE|unix.MS_REC)
	switch flag &^ unix.MS_REC {
	case unix.MS_SLAVE:
		b.propagation = rootPropagation{attach: slave, bind: slave}
	case unix.MS_SHARED:
		b.propagation = rootPropagation{attach: slave, bind: unix.MS_SHARED | unix.MS_REC, final: flag}
	case unix.MS_PRIVATE:
		b.propagation = rootPropagation{attach: private, bind: private}
		if b.opts.NoPivot {
			return invalid(field, "use slave, or run without --no-pivot",
				"%q: rootfsPropagation of [r]private is not safe without pivot_root", word)
		}
	case unix.MS_UNBINDABLE:
		b.propagation = rootPropagation{attach: private, bind: private, final: flag}
	default:
		if word != "" {
			return invalid(field, "", "unknown propagation %q, expected private, slave, shared or unbindable, or one of them after an r", word)
		}
		// What is mounted on the root filesystem on the host is not part of the
		// container, as with runc and crun.
		b.propagation = rootPropagation{attach: slave, alone: true, bind: slave}
	}
	return nil
}

// switchRoot plans the change of root and everything that must come after the
// last mount.
func (b *rootBuilder) switchRoot() error {
	switch {
	case b.ns.unmounted:
		b.add("root.path", &plan.Chroot{})
		return nil
	case b.rootfs != nil:
	case b.opts.NoPivot:
		b.add("root.path", &plan.MoveRoot{})
	default:
		b.add("root.path", &plan.PivotRoot{})
	}
	if err := b.planConsole(); err != nil {
		return err
	}
	b.plan.Init = append(b.plan.Init, b.mounts.remounts...)
	if b.spec.Root.Readonly {
		b.readonly = "root.readonly"
	}
	if b.readonly != "" || b.mounts.propagation.final != 0 {
		field := cmp.Or(b.readonly, "linux.rootfsPropagation")
		b.add(field, &plan.SetRoot{Readonly: b.readonly != "", Propagation: b.mounts.propagation.final})
	}
	return nil
}
