package plan

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// The steps that change the mounts of a container that exists. Its init is a
// process that joins some of the container's namespaces, carries out its half
// of the plan and ends. It never joins the pid namespace: nobody in the
// container sees it.

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
