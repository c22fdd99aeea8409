package state

import (
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// State is the content of a container's state file.
type State struct {
	Container plan.Container
	Config    string               // absolute path of its config.json, read when it was made
	Kept      bool                 // what was read there is kept, see [Dir.Kept]; older versions did not
	Status    specs.ContainerState // creating or created: what the runtime was last doing, not what is true now
	Created   time.Time
	Init      Process
	Cgroup    Cgroup

	// Namespaces as the config asks for them: with a path if joined, without if the container's own.
	Namespaces []specs.LinuxNamespace

	// NetDevices are on their way into the container while it is creating: a
	// process that ends that must give them back.
	NetDevices []NetDevice

	// Hooks that run after create has gone. The bundle may be gone too by then.
	Poststart, Poststop []specs.Hook

	Rdt          Rdt
	Rootless     bool
	NoNewKeyring bool // the container has the session keyring of its creator
}

// HasNamespace reports whether the container has a namespace that is not its creator's.
func (s *State) HasNamespace(kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(s.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == kind })
}

// NetDevice is a network device of the host, see package netdev.
type NetDevice struct {
	Name string
	To   string
	Up   bool
	MAC  string
}

// Rdt is where the container's processes are in resctrl, see package resctrl.
type Rdt struct {
	Dir     string // of the class of service, absolute host path; empty: none was asked for
	Made    bool   // for this container alone: it goes with it
	Monitor string // directory of the container's monitoring group; empty: none
}

// Cgroup is where the container's processes are.
type Cgroup struct {
	Dir     string   // absolute host path; empty: it has no cgroup of its own
	ID      uint64   // of what was made there, see cgroups.Cgroup.ID; 0: not known
	Made    []string // absolute host paths that the runtime made, and will remove, outermost first
	Systemd bool     // the cgroup belongs to a unit of systemd
	Unit    string   // its name; it may not have been made yet if Dir is empty
	User    bool     // it is one of the user's systemd, not the system's
}
