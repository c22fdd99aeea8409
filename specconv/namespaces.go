package specconv

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

var namespaceTypes = [...]string{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}

// Namespaces lists the types of linux.namespaces, sorted.
func Namespaces() []string { return namespaceTypes[:] }

// nsBit gives each namespace type a bit; 0 means that there is no such type.
func nsBit(t specs.LinuxNamespaceType) uint8 {
	i := slices.Index(namespaceTypes[:], string(t))
	if i < 0 {
		return 0
	}
	return 1 << i
}

// namespaces is what linux.namespaces says, by type.
type namespaces struct{ made, joined uint8 }

// makes reports whether the container gets a new namespace of a type.
func (n namespaces) makes(t specs.LinuxNamespaceType) bool { return n.made&nsBit(t) != 0 }

// has reports whether the container's namespace of a type is not the host's.
func (n namespaces) has(t specs.LinuxNamespaceType) bool { return (n.made|n.joined)&nsBit(t) != 0 }

// namespaceBuilder plans the container's namespaces, and what is set in them by their
// names alone.
type namespaceBuilder struct {
	*draft
	trees *treeBuilder

	namespaces
	spawn      plan.Spawn
	pidLast    *plan.JoinPID // nil: the pid namespace is new, the caller's, or joined with the others
	unmounted  bool          // there is no mount namespace
	netDevices []plan.Item   // MoveNetDevice steps
}

// foreign reports whether the container's mounts belong to a user namespace other than
// the runtime's.
func (b *namespaceBuilder) foreign() bool { return b.has(specs.UserNamespace) && !b.unmounted }

// inUserNS reports whether the container's root is not the host's.
func (b *namespaceBuilder) inUserNS() bool { return b.host.UserNS || b.has(specs.UserNamespace) }

// planNamespaces reads linux.namespaces into b.ns and the Spawn step.
func (b *namespaceBuilder) planNamespaces() error {
	for i, ns := range b.linux.Namespaces {
		field := index("linux.namespaces", i)
		bit := nsBit(ns.Type)
		if bit == 0 {
			return invalid(field+".type", "", "unknown namespace type %q, expected one of %s",
				ns.Type, strings.Join(Namespaces(), ", "))
		}
		if (b.made|b.joined)&bit != 0 {
			return invalid(field+".type", "", "duplicated namespace type %q, expected each at most once", ns.Type)
		}
		if ns.Path == "" {
			b.made |= bit
			switch ns.Type {
			case specs.CgroupNamespace: // made by init
			case specs.TimeNamespace:
				b.spawn.NewTime = true
			default:
				b.spawn.New = append(b.spawn.New, ns.Type)
			}
			continue
		}
		if ns.Path[0] != '/' {
			return invalid(field+".path", "", "%q is not absolute, expected the absolute path of a namespace", ns.Path)
		}
		if err := checkNull(field+".path", ns.Path); err != nil {
			return err
		}
		b.joined |= bit
		b.spawn.Join = append(b.spawn.Join, plan.Namespace{Type: ns.Type, Path: ns.Path, Field: field + ".path"})
	}
	b.planPIDLast()
	if b.host.EUID != 0 && !b.has(specs.UserNamespace) {
		return invalid("linux.namespaces", "the command spec --rootless writes a config.json that has one; by hand, "+
			`add {"type": "user"}, and the user's ids to linux.uidMappings and linux.gidMappings; or run as root`,
			"rootless containers require user namespaces, found none")
	}
	if err := b.checkUnmounted(); err != nil {
		return err
	}
	return b.planTime()
}

// planPIDLast: a process in a shared pid namespace is visible to the others in it, which
// may be able to trace it. So init works outside of it, and clones the process that stays when
// nothing of the host's is left to it.
func (b *namespaceBuilder) planPIDLast() {
	i := slices.IndexFunc(b.spawn.Join, func(ns plan.Namespace) bool { return ns.Type == specs.PIDNamespace })
	if i < 0 || !b.host.PIDLast {
		return
	}
	ns := b.spawn.Join[i]
	ns.Last = true
	b.spawn.Join = append(slices.Delete(b.spawn.Join, i, i+1), ns)
	b.pidLast = &plan.JoinPID{Slot: b.trees.slot()}
	b.trees.list = append(b.trees.list, plan.Item{Field: ns.Field, Step: &plan.OpenPID{Slot: b.pidLast.Slot, Path: ns.Path}})
}

// changes notes that a field of config.json changes something in the container's
// namespace of a type.
func (b *namespaceBuilder) changes(t specs.LinuxNamespaceType, field string) {
	for i := range b.spawn.Join {
		if ns := &b.spawn.Join[i]; ns.Type == t && ns.Changes == "" {
			ns.Changes = field
		}
	}
}

// planTime takes over linux.timeOffsets, see time_namespaces(7).
func (b *namespaceBuilder) planTime() error {
	offsets := b.linux.TimeOffsets
	if len(offsets) == 0 {
		return nil
	}
	if !b.spawn.NewTime {
		return invalid("linux.timeOffsets", `add {"type": "time"} to linux.namespaces`,
			"offsets need a new time namespace, found none")
	}
	for _, clock := range sortedKeys(offsets) {
		if clock != "monotonic" && clock != "boottime" {
			return invalid("linux.timeOffsets", "", "unknown clock %q, expected monotonic or boottime", clock)
		}
		if n := offsets[clock].Nanosecs; n >= 1e9 {
			return invalid("linux.timeOffsets."+clock+".nanosecs", "", "%d is out of range, expected less than 1000000000", n)
		}
	}
	b.spawn.TimeOffsets = offsets
	return nil
}

// enterNamespaces plans what init does inside namespaces of its own.
func (b *namespaceBuilder) enterNamespaces() error {
	if b.spawn.Outside {
		b.add("", &plan.Sync{Phase: plan.Born}) // a cgroup namespace has init's cgroup as its root
	}
	for _, t := range [...]specs.LinuxNamespaceType{specs.CgroupNamespace, specs.NetworkNamespace} {
		i := slices.Index(b.linux.Namespaces, specs.LinuxNamespace{Type: t})
		switch {
		case i < 0:
		case t == specs.CgroupNamespace:
			b.add(index("linux.namespaces", i), &plan.UnshareCgroup{})
		default:
			b.add(index("linux.namespaces", i), &plan.LoopbackUp{})
		}
	}
	return nil
}

// index names an element of an array field: "mounts[3]".
func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
