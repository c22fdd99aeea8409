package specconv

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// A container without a mount namespace of its own is in the runtime's: its root is
// changed by chroot(2), and nothing is mounted, since that would be the host's and
// stay there when init is killed.

// checkUnmounted refuses what takes a mount where there may be none.
func (b *namespaceBuilder) checkUnmounted() error {
	if b.unmounted = !b.has(specs.MountNamespace); !b.unmounted {
		return nil
	}
	for _, c := range [...]struct {
		field string
		asked bool
	}{
		{"mounts", len(b.spec.Mounts) > 0},
		{"NOTIFY_SOCKET", b.opts.NotifyDir != ""},
		{"linux.maskedPaths", len(b.linux.MaskedPaths) > 0},
		{"linux.readonlyPaths", len(b.linux.ReadonlyPaths) > 0},
		{"linux.devices", len(b.linux.Devices) > 0},
		{"linux.rootfsPropagation", b.linux.RootfsPropagation != ""},
		{"root.readonly", b.spec.Root.Readonly},
		{"process.terminal", b.process.Terminal},
	} {
		if c.asked {
			return invalid(c.field, `add {"type": "mount"} to linux.namespaces, or leave this out`,
				"not without a mount namespace: what is mounted would be the host's, and stay there")
		}
	}
	// The specification does not demand it, but it should not be found out in the container.
	b.mustWarn("linux.namespaces", "no mount namespace: the container is in the host's, and its root is one of chroot(2), "+
		"which confines no process that has CAP_SYS_CHROOT")
	return nil
}

// planBareRoot plans the root filesystem as a mere directory.
func (b *rootBuilder) planBareRoot() {
	slot := b.trees.open("root.path", &plan.OpenTree{Path: b.plan.Container.Rootfs, Rootfs: true, Bare: true})
	b.add("root.path", &plan.TakeRoot{Slot: slot})
}
