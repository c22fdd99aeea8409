package specconv

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// chooseNamespace has the parent make the container's mount namespace of the root
// filesystem alone, where that will do: it never holds the host's mounts, which need not
// be copied and detached again, and init's root is the container's before it mounts
// anything. Else init starts in a copy of the host's mounts, which it leaves with
// pivot_root(2). It needs these
//   - for hooks that the runtime-spec wants to run before pivot_root(2), with paths of
//     the host;
//   - for filesystems whose options name files of the host's, such as an overlay's
//     layers, and for sources in the root filesystem, whose path is one of the host's;
//   - for a mount on "/", which becomes the root;
//   - in a user namespace, where the kernel lets a process mount procfs or sysfs only
//     if it sees one (mount_namespaces(7)).
//
// A source that can't be opened by the parent is an error: init would find the image's
// files under its path.
func (b *rootBuilder) chooseNamespace() error {
	const needed = 1<<unix.CAP_SYS_CHROOT | 1<<unix.CAP_MKNOD                                                 // the host's nodes could not be bound
	hooks := len(b.hooks.list.Prestart)+len(b.hooks.list.CreateRuntime)+len(b.hooks.list.CreateContainer) > 0 //nolint:staticcheck // deprecated, but engines use it
	if !b.host.RootNamespace || !b.ns.makes(specs.MountNamespace) || b.ns.inUserNS() || b.opts.NoPivot || hooks || b.mounts.hostView ||
		b.ns.pidJoinedFirst() || b.host.Caps&needed != needed {
		return nil
	}
	i := slices.IndexFunc(b.plan.Init, func(item plan.Item) bool { _, ok := item.Step.(*plan.AttachRoot); return ok })
	attach := b.plan.Init[i].Step.(*plan.AttachRoot)
	b.rootfs = &plan.EnterRootfs{Slot: attach.Slot, Propagation: attach.Propagation, Private: attach.Private, Masks: len(b.linux.MaskedPaths) > 0}
	b.plan.Init[i].Step = b.rootfs
	b.plan.Init = slices.Delete(b.plan.Init, i-1, i) // of the host's mounts: SetPropagation
	b.trees.list[attach.Slot].Step.(*plan.OpenTree).Namespace = true
	b.ns.spawn.New = slices.DeleteFunc(b.ns.spawn.New, func(t specs.LinuxNamespaceType) bool { return t == specs.MountNamespace })
	return nil
}

// pidJoinedFirst reports whether init is in a pid namespace of others from its start,
// which may be able to trace it.
func (b *namespaceBuilder) pidJoinedFirst() bool {
	return b.pidLast == nil && slices.ContainsFunc(b.spawn.Join, func(ns plan.Namespace) bool { return ns.Type == specs.PIDNamespace })
}
