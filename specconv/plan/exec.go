package plan

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// The steps that exec takes, and create where a pid namespace is joined last.
//
// Its init works in all namespaces of the container but the pid namespace: a
// container's process that may trace others does not see it. Last it clones,
// into that namespace, a process that has nothing left to do but to limit
// itself, load the filter and execute.

// SpawnExec spawns exec's init in the container's cgroup and in its namespaces.
// Where the kernel allows no process in the cgroup, because it has sub-cgroups
// with controllers, the cgroup of the container's init is used.
type SpawnExec struct {
	Join       []specs.LinuxNamespaceType
	KeepGroups bool // see Spawn
	Outside    bool // spawned in the runtime's cgroup: the container's has no room, or is frozen
}

// SendPlan sends init its half of the plan. Until then init has the runtime's
// privileges, which changing its limits may require.
type SendPlan struct{}

// ReceivePidfd receives the pidfd of the process that init has cloned, which from
// here on is the process. It waits for Release, or as a container's init for Continue.
type ReceivePidfd struct{}

// MoveInside moves the process into the container's cgroup: the process of an
// exec, or init.
type MoveInside struct{}

// TakeListener takes the listener of the filter that init has loaded.
type TakeListener struct{}

// WatchCalls takes the listener of the filter that init has loaded, and answers it from then on:
// init and the process that it becomes make calls that the filter reports.
type WatchCalls struct{}

// Release lets the process go on to execve, and waits until it has got there.
type Release struct{}

// SetAffinity calls sched_setaffinity(2).
type SetAffinity struct {
	CPUs   string   // as asked for: "0-3,7"
	Mask   []uint64 // the same, bit by bit
	Myself bool     // of the runtime, until init is spawned; else of the process
}

// EnterRoot takes the mount namespace's root for the container's.
type EnterRoot struct{}

func (*EnterRoot) InitKind() Kind    { return KindEnterRoot }
func (*EnterRoot) Code(*codec.Coder) {}
func (s *EnterRoot) String() string  { return "enter the container's root" }

// JoinPID joins a pid namespace, which only children enter.
type JoinPID struct{ Slot int }

func (*JoinPID) InitKind() Kind        { return KindJoinPID }
func (s *JoinPID) Code(c *codec.Coder) { c.Num(&s.Slot) }
func (s *JoinPID) String() string      { return "join the pid namespace, for children" }

// OwnProc takes a directory for init's own in /proc: the procfs of the
// container does not know it.
type OwnProc struct{ Slot int }

func (*OwnProc) InitKind() Kind        { return KindOwnProc }
func (s *OwnProc) Code(c *codec.Coder) { c.Num(&s.Slot) }
func (s *OwnProc) String() string      { return "take init's own directory in /proc" }

// CloseOthers closes every descriptor that is not for the process, but the
// socket, and of a container's init start's fifos and the files for what hooks print.
type CloseOthers struct{}

func (*CloseOthers) InitKind() Kind    { return KindCloseOthers }
func (*CloseOthers) Code(*codec.Coder) {}
func (s *CloseOthers) String() string  { return "close all descriptors but the process's" }

// DropAdmin gives up what SetCapabilities has kept for the filter.
type DropAdmin struct{ Effective, Permitted, Inheritable uint64 }

func (*DropAdmin) InitKind() Kind { return KindDropAdmin }

func (s *DropAdmin) Code(c *codec.Coder) {
	c.U64(&s.Effective)
	c.U64(&s.Permitted)
	c.U64(&s.Inheritable)
}

func (s *DropAdmin) String() string { return "drop CAP_SYS_ADMIN" }

// CloneInside clones the process that takes the rest of the steps, and ends
// init.
type CloneInside struct {
	Terminal    bool     // it takes control of the terminal that is its standard input
	Init        bool     // it is a container's init, and goes on as such
	Sessionless bool     // it stays in init's session: the filter denies setsid(2)
	Hinders     []string // what the filter denies so that it is only loaded afterwards
}

func (*CloneInside) InitKind() Kind { return KindCloneInside }

func (s *CloneInside) Code(c *codec.Coder) {
	c.Flag(&s.Terminal)
	c.Flag(&s.Init)
	c.Flag(&s.Sessionless)
	c.Strs(&s.Hinders)
}

func (s *CloneInside) String() string {
	line := "clone the process that takes the remaining steps"
	if s.Sessionless {
		line += ", in a session that is not its own, because the filter denies setsid"
	}
	return line + without(s.Hinders)
}

func (s *SpawnExec) String() string {
	var b strings.Builder
	b.WriteString("spawn init")
	if s.Outside {
		b.WriteString(" outside the cgroup")
	}
	for i, ns := range s.Join {
		if i == 0 {
			b.WriteString(", join")
		}
		b.WriteString(" " + string(ns))
	}
	if s.KeepGroups {
		b.WriteString(", keep groups")
	}
	return b.String()
}

func (s *SendPlan) String() string { return "send init its half of the plan" }

func (s *ReceivePidfd) String() string {
	return "receive the pidfd of the process that init has cloned"
}

func (s *MoveInside) String() string { return "move the process into the container's cgroup" }

func (s *TakeListener) String() string { return "receive the seccomp listener" }
func (s *WatchCalls) String() string   { return "answer the seccomp listener" }

func (s *Release) String() string { return "let the process execute" }

func (s *SetAffinity) String() string {
	if s.Myself {
		return fmt.Sprintf("start on CPUs %q", s.CPUs)
	}
	return fmt.Sprintf("run on CPUs %q", s.CPUs)
}
