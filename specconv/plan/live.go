package plan

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// The steps that change the mounts of a container that exists. Its init is a
// process that joins some of the container's namespaces, carries out its half
// of the plan and ends. It never joins the pid namespace: the container
// cannot see it.

// SpawnHelper spawns that process and sends it its half of the plan.
type SpawnHelper struct {
	Join []specs.LinuxNamespaceType // as far as they are not the runtime's own
}

// EnterContainer joins the container's mount namespace, and takes its root for
// the container's. What has been left to init to open is opened before.
type EnterContainer struct {
	Mount int // slot of the mount namespace
	Proc  int // slot of init's own directory in /proc: the container's shows no such process
}

func (*EnterContainer) InitKind() Kind { return KindEnterContainer }

func (s *EnterContainer) Code(c *codec.Coder) {
	c.Num(&s.Mount)
	c.Num(&s.Proc)
}

func (s *EnterContainer) String() string { return "join the mount namespace" }

// FindMount finds a mount that is to be taken away. It must be one of those that
// were added to the container: their ids, as statx(2) has them.
type FindMount struct {
	Target string
	Added  []uint64
}

func (*FindMount) InitKind() Kind { return KindFindMount }

func (s *FindMount) Code(c *codec.Coder) {
	c.Str(&s.Target)
	codec.Plain(c, &s.Added)
}

func (s *FindMount) String() string { return "find the mount on " + strconv.Quote(s.Target) }

// DetachMounts takes away all that FindMount has found.
type DetachMounts struct{}

func (*DetachMounts) InitKind() Kind    { return KindDetachMounts }
func (*DetachMounts) Code(*codec.Coder) {}
func (s *DetachMounts) String() string  { return "detach the mounts that were found" }

// MaxDevices is how many devices can be added to a container at once.
const MaxDevices = 64

// AddDevice makes a device node in a container that exists, or mounts the host's on a new
// file where mknod(2) is refused. Nothing may be there yet.
type AddDevice struct {
	Node
	HostDev uint64 // the filesystem of the host's nodes, where none is made; 0: not known
}

func (*AddDevice) InitKind() Kind { return KindAddDevice }

func (s *AddDevice) Code(c *codec.Coder) {
	s.Node.Code(c)
	c.U64(&s.HostDev)
}

func (s *AddDevice) String() string { return "add device " + s.Node.String() }

// RemoveDevice removes what AddDevice has made, if it is still there and still that.
type RemoveDevice struct {
	Path         string
	Type         string
	Major, Minor int64
	Dev, Ino     uint64 // of the file; 0: not known, its number decides
	Mount        uint64 // id of the mount on it; 0: none
	Bound        bool   // there is a mount on it, whose id may be unknown
}

func (*RemoveDevice) InitKind() Kind { return KindRemoveDevice }

func (s *RemoveDevice) Code(c *codec.Coder) {
	c.Str(&s.Path)
	c.Str(&s.Type)
	c.I64(&s.Major)
	c.I64(&s.Minor)
	c.U64(&s.Dev)
	c.U64(&s.Ino)
	c.U64(&s.Mount)
	c.Flag(&s.Bound)
}

func (s *RemoveDevice) String() string { return "remove device " + strconv.Quote(s.Path) }

// SaveDevices saves which devices the helper process has added and removed.
type SaveDevices struct{}

func (*SaveDevices) String() string { return "save which devices were changed" }

// SaveMounts saves which mounts the helper process has changed.
type SaveMounts struct{}

func (*SaveMounts) String() string { return "save which mounts were changed" }

func (s *SpawnHelper) String() string {
	line := "spawn a helper process"
	if len(s.Join) > 0 {
		var names []string
		for _, ns := range s.Join {
			names = append(names, string(ns))
		}
		line += ", join " + strings.Join(names, " ")
	}
	return line
}
