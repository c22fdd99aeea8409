package plan

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The steps of the parent. They are never sent anywhere: all data may be of
// the OCI's own types.

// CreateCgroup makes the container's cgroup and leaves it open.
type CreateCgroup struct {
	Path      string // below the cgroup v2 hierarchy
	Delegate  bool   // give its files to the container's root (writable cgroup namespace)
	OwnerUID  int    // host ids of the container's root, with Delegate
	OwnerGID  int
	Tolerated bool // rootless and no limit asked for: a cgroup that cannot be made is not an error
}

// StartUnit has systemd make the container's cgroup, as a transient unit, once
// init's forerunner is there to be put into it: the step names the unit, Spawn
// starts it.
type StartUnit struct {
	Name       string // such as "crun-go-web.scope"
	Slice      string // "system.slice"
	User       bool   // of the user's systemd, not the system's
	Path       string // where its cgroup should be, below the cgroup of that systemd
	Subgroup   string // a cgroup in it for the processes, "container"; empty: none
	Resources  *specs.LinuxResources
	Properties []UnitProperty
	Delegate   bool // as in CreateCgroup
	OwnerUID   int
	OwnerGID   int
}

// UnitProperty is a property of a systemd unit.
type UnitProperty struct {
	Name   string
	Type   string   // a D-Bus signature: of a basic type, or of an array of one
	Values []string // one, or the array's elements: numbers in decimal, true or false, text
}

// EnterSubcgroup moves init into a cgroup of its own below the container's,
// whose limits hold for it, and which its user is to manage.
type EnterSubcgroup struct {
	Name     string
	Delegate bool // as CreateCgroup has it
	OwnerUID int
	OwnerGID int
}

// SetResources writes limits into the cgroup, except pids.max: a Go init needs
// five tasks while it starts.
type SetResources struct{ Resources *specs.LinuxResources }

// SetDevices attaches the device filter.
type SetDevices struct{ Rules []specs.LinuxDeviceCgroup }

// SetPids writes pids.max.
type SetPids struct{ Limit int64 }

// OpenTree opens the mount tree of a host path, detached, for init to attach
// by descriptor (see open_tree(2)).
type OpenTree struct {
	Slot      int                    // index among the descriptors sent to init
	Path      string                 // absolute host path; empty: the cgroup of the unit that StartUnit names
	Recursive bool                   // with all mounts below it
	NoFollow  bool                   // if the last component is a symbolic link, it is itself the tree
	Rootfs    bool                   // it is the root filesystem: must be a directory; init starts with it as its cwd
	Bare      bool                   // the directory itself, no mount
	Namespace bool                   // a new mount namespace with nothing but the tree (OPEN_TREE_NAMESPACE), see EnterRootfs
	Device    bool                   // a node of the host's, whose owner and mode are not the container's to change
	Owners    []specs.LinuxIDMapping // with Device: uids of the container; empty: they are not known
	Optional  bool                   // a fallback: if it can't be opened, init does without
	IDMap     *IDMap                 // mount_setattr MOUNT_ATTR_IDMAP
}

// MakeTree makes a filesystem, detached, for init to attach.
type MakeTree struct {
	Slot         int
	Type, Source string
	Params       []string // as MountFS has them
	IDMap        *IDMap   // of its mount
	JoinedPID    bool     // a procfs of the pid namespace that OpenPID has opened
}

// FindLayers looks up the layers of an overlay that init mounts: in the end their paths
// have no symbolic links.
type FindLayers struct{ Mount *MountFS }

// OpenPID opens a pid namespace that init joins last, and hands it to init.
type OpenPID struct {
	Slot int
	Path string
}

// LockTrees has the kernel lock the flags of all trees that OpenTree has opened:
// those that are set can't be cleared any more, by whomever. It is for containers
// whose user namespace is not the runtime's.
type LockTrees struct{}

// SendTrees sends init the trees that it waits for: those of the slots from First
// up to End, which is not among them. The first ones are sent with its half of the plan.
type SendTrees struct{ First, End int }

// MapTree maps the ids of a mount that init lends for it: one of the container's own
// files, which init has opened. For that it has no right in a user namespace.
type MapTree struct{ IDMap IDMap }

// Tree is what OpenTree or MakeTree made, on its way to init: a detached mount or,
// where the parent may make none, the path from which init makes it with the
// powers of its user namespace.
type Tree struct {
	FD        int    // -1: none
	Path      string // without symbolic links; empty: none
	Recursive bool
	Errno     unix.Errno // why init could not open the path
}

// IDMap is the mapping of an id-mapped mount.
type IDMap struct {
	UIDs, GIDs []specs.LinuxIDMapping // empty: those of UserNS
	UserNS     string                 // path of the user namespace that the container joins
	Recursive  bool
}

// OpenLog opens a file of the host for what hooks print, and makes it if it is
// missing.
type OpenLog struct {
	Slot int // among the trees
	Path string
}

// MakeRdtGroup makes the container's class of service in resctrl, or finds it,
// see "IntelRdt" in the runtime-spec's config-linux.md.
type MakeRdtGroup struct {
	Class     string   // its name; "/" is the default class
	Own       bool     // no other container's: what was made goes with the container
	MustExist bool     // there is nothing to make it of
	Schemata  []string // lines to write; if the class is there and shared: to find
	Monitor   bool     // make a monitoring group of the container's name in it
}

// EnterRdtGroup puts init, or what exec executes, into the group.
type EnterRdtGroup struct{}

// Namespace is one to be joined.
type Namespace struct {
	Type    specs.LinuxNamespaceType
	Path    string
	Field   string
	Changes string // a field that changes something in it, so that it must not be the runtime's own; "": none
	Last    bool   // init joins it itself, for the process that it clones in the end
}

// Spawn makes init: clone3 into the cgroup with all new namespaces, after
// joining those given by path; writes the id maps; sends it its half of the
// plan.
type Spawn struct {
	New         []specs.LinuxNamespaceType // made by clone3; never cgroup or time
	Join        []Namespace
	UIDMaps     []specs.LinuxIDMapping
	GIDMaps     []specs.LinuxIDMapping
	NewTime     bool
	TimeOffsets map[string]specs.LinuxTimeOffset
	Outside     bool // of the container's cgroup, into which it is moved later
	KeepGroups  bool // the caller's supplementary groups come along into a user namespace
}

// PipeStdio puts a pipe in the place of standard output and error that are files,
// for a foreground process that is not allowed to open these, and copies.
type PipeStdio struct{}

// GiveStdio gives the caller's pipes among the standard streams to a user of the
// container's user namespace, whose root has no power over them.
type GiveStdio struct{ UID uint32 }

// Await waits until init has come to a phase.
type Await struct{ Phase Phase }

// Continue lets init go on from a phase.
type Continue struct{ Phase Phase }

// SendListener waits for the listener of init's seccomp filter and hands it to
// the agent, see "The Container Process State" in the runtime-spec's
// config-linux.md. Init waits until it is done.
type SendListener struct {
	Path     string // of the agent's unix socket
	Metadata string // for the agent; opaque
}

// MoveNetDevice moves a network device of the runtime's namespace into the
// container's, with its addresses, and brings it up there.
type MoveNetDevice struct {
	Name string
	To   string // its name there; "%d" in it stands for a number the kernel picks
}

// RunHooks runs hooks in the runtime's namespaces.
type RunHooks struct {
	Kind   string
	Status specs.ContainerState
	Hooks  []specs.Hook
	Log    HookLog
}

// SetOOMScoreAdj writes /proc/PID/oom_score_adj of init.
type SetOOMScoreAdj struct {
	Value      int
	BestEffort bool // rootless: a value that requires privileges is not an error
}

// RaiseRlimits raises the runtime's own hard limits, where that takes privileges
// of the host, for init to inherit. Init itself sets the values: see SetRlimits.
type RaiseRlimits struct{ Limits []Rlimit }

// Rlimit is one limit of setrlimit(2).
type Rlimit struct {
	Type       string // RLIMIT_NOFILE
	Resource   int    // its number
	Soft, Hard uint64
}

func (s *CreateCgroup) String() string {
	line := "create cgroup " + strconv.Quote(s.Path)
	if s.Delegate {
		line += fmt.Sprintf(", delegate it to uid %d", s.OwnerUID)
	}
	return line
}
func (s *StartUnit) String() string {
	line := fmt.Sprintf("have systemd start unit %q of %s, cgroup %q", s.Name, s.Slice, s.Path)
	if s.User {
		line = fmt.Sprintf("have the user's systemd start unit %q of %s, cgroup %q below its own", s.Name, s.Slice, s.Path)
	}
	for _, p := range s.Properties {
		line += ", " + p.Name
	}
	if s.Delegate {
		line += fmt.Sprintf(", delegate it to uid %d", s.OwnerUID)
	}
	return line
}

func (s *EnterSubcgroup) String() string {
	line := "move init into the cgroup " + strconv.Quote(s.Name) + " below"
	if s.Delegate {
		line += fmt.Sprintf(", delegate it to uid %d", s.OwnerUID)
	}
	return line
}

func (s *SetResources) String() string { return "set cgroup limits" }
func (s *SetDevices) String() string {
	return fmt.Sprintf("attach device filter (%d rules)", len(s.Rules))
}
func (s *SetPids) String() string { return fmt.Sprintf("set pids.max to %d", s.Limit) }

func (s *OpenTree) String() string {
	line := "open "
	switch {
	case s.Rootfs:
		line = "open root filesystem "
	case s.Recursive:
		line = "open tree "
	}
	if s.Path == "" {
		line += "the unit's cgroup"
	} else {
		line += strconv.Quote(s.Path)
	}
	if s.Namespace {
		line += " as a new mount namespace"
	}
	if s.IDMap != nil {
		line += ", map ids"
	}
	if s.Optional {
		line += ", if possible"
	}
	return line
}

func (s *MakeTree) String() string {
	line := "make " + s.Type
	if len(s.Params) > 0 {
		line += " with " + strings.Join(s.Params, ",")
	}
	if s.IDMap != nil {
		line += ", map ids"
	}
	if s.JoinedPID {
		line += ", of the joined pid namespace"
	}
	return line
}

func (s *FindLayers) String() string {
	return "look up the layers of the overlay on " + strconv.Quote(s.Mount.Target)
}

func (s *OpenPID) String() string { return "open pid namespace " + strconv.Quote(s.Path) }

func (s *SendTrees) String() string {
	return fmt.Sprintf("send init trees %d to %d", s.First, s.End-1)
}

func (s *MapTree) String() string { return "map ids of a mount that init has opened" }

func (s *LockTrees) String() string {
	return "lock the mount flags of the trees that were opened"
}

func (s *Spawn) String() string {
	var b strings.Builder
	b.WriteString("spawn init")
	for i, ns := range s.New {
		if i == 0 {
			b.WriteString(" in new")
		}
		b.WriteString(" " + string(ns))
	}
	if s.NewTime {
		b.WriteString(", new time")
	}
	for _, ns := range s.Join {
		fmt.Fprintf(&b, ", join %s %q", ns.Type, ns.Path)
		if ns.Last {
			b.WriteString(" last")
		}
	}
	if len(s.UIDMaps)+len(s.GIDMaps) > 0 {
		b.WriteString(", map ids")
	}
	if s.Outside {
		b.WriteString(", outside of the container's cgroup")
	}
	if s.KeepGroups {
		b.WriteString(", keep groups")
	}
	return b.String()
}

func (s *PipeStdio) String() string { return "replace standard streams that are files with pipes" }
func (s *GiveStdio) String() string {
	return fmt.Sprintf("give standard streams that are pipes to uid %d of the user namespace", s.UID)
}
func (s *Await) String() string    { return "wait until init is " + s.Phase.String() }
func (s *Continue) String() string { return "let init continue" }
func (s *SendListener) String() string {
	return "send seccomp listener to " + strconv.Quote(s.Path)
}
func (s *OpenLog) String() string {
	return "open " + strconv.Quote(s.Path) + " for the output of hooks"
}

func (s *MakeRdtGroup) String() string {
	verb := "make"
	if s.MustExist {
		verb = "find"
	}
	line := verb + " RDT class " + strconv.Quote(s.Class)
	for _, schema := range s.Schemata {
		line += " " + schema
	}
	if s.Monitor {
		line += ", with a monitoring group"
	}
	return line
}
func (s *EnterRdtGroup) String() string { return "put the process into the RDT class" }

func (s *MoveNetDevice) String() string {
	line := "move network device " + strconv.Quote(s.Name) + " into the container"
	if s.To != s.Name {
		line += " as " + strconv.Quote(s.To)
	}
	return line
}
func (s *RunHooks) String() string { return fmt.Sprintf("run %d %s hooks", len(s.Hooks), s.Kind) }
func (s *SetOOMScoreAdj) String() string {
	return fmt.Sprintf("set oom_score_adj to %d", s.Value)
}

func (s *RaiseRlimits) String() string { return "raise hard limits for " + limits(s.Limits) }

func limits(list []Rlimit) string {
	parts := make([]string, len(list))
	for i, l := range list {
		parts[i] = fmt.Sprintf("%s=%s:%s", l.Type, limit(l.Soft), limit(l.Hard))
	}
	return strings.Join(parts, " ")
}

func limit(v uint64) string {
	if v == ^uint64(0) {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10)
}
