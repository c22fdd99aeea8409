// Package model is the security model of create, run and exec: what the process that
// becomes the container's is and holds at each step.
//
// It is part of no program. What runs is compared with it: tests/faults stops a live
// init at every system call and looks at it from outside (tests/suites/model.bats). SECURITY.md
// shows it, and a test here keeps that up to date.
package model

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// State is what a process is and holds, as far as it is of use to an attacker.
type State struct {
	Program     Program
	Root        Side        // whose root directory it has
	In          uint64      // CLONE_NEW* of the container's namespaces that it is in
	Children    uint64      // of those that only its children will be in
	IDs         Side        // user, groups and umask; before the container's it is root of its user namespace, or the runtime's user
	Caps        Caps        // all five sets
	NoNewPrivs  bool        // no_new_privs is set
	Filter      bool        // the container's filter is loaded
	Descriptors Descriptors // open
	Memory      Memory      // mapped, beside the program's own
	Seen        bool        // processes of the container's may see it
	Exec        bool        // it is of a container that is there
	Hidden      bool        // it executes a file that its user namespace can't read, and is traced from outside of that or not at all
}

// Side is whose something is.
type Side string

// The two sides.
const (
	Runtime   Side = "the runtime's"
	Container Side = "the container's"
)

// Program is what a process executes.
type Program string

// The programs, in their order.
const (
	RawChild Program = "a copy of the runtime"
	Init     Program = "init, not dumpable"
	Process  Program = "the container's"
)

// Caps is which capabilities a process has.
type Caps string

// The capabilities, in their order.
const (
	AllCaps      Caps = "the runtime's, or all of the user namespace"
	IdentityCaps Caps = "the same, effective only for user 0"
	AdminCaps    Caps = "the container's, and CAP_SYS_ADMIN"
	ProcessCaps  Caps = "the container's"
)

// Descriptors is a set of what descriptors are for.
type Descriptors uint

// What descriptors are for.
const (
	Streams   Descriptors = 1 << iota // standard input, output and error, and what was preserved
	Inherited                         // all of the runtime's
	Socket                            // to the runtime
	Trees                             // mounts and directories of which the root filesystem is made, and the root itself
	Procfs                            // a procfs that no other process has
	Start                             // exec.fifo
	Answer                            // answer.fifo
	Logs                              // files to which the output of hooks is copied
)

// Memory is a set of what is mapped.
type Memory uint

// What is mapped.
const (
	Copied   Memory = 1 << iota // all of the runtime's
	Plan                        // the steps
	Rest                        // the steps that are left
	Progress                    // the number of the step under way, shared with the runtime
	More                        // the message with which further mounts have come
)

// Origin is how a process begins.
type Origin struct {
	In   uint64 // CLONE_NEW* of the container's namespaces that clone3(2) or setns(2) brings
	Exec bool   // of a container that is there
	// Seen: it is in a pid namespace from the beginning in which others are. If it is in
	// their user namespace, too, it is Hidden.
	Seen, Hidden bool
	Fifos        bool // start's
	Logs         bool // for hooks
}

// Line is a step and what a process is once it is taken.
type Line struct {
	Step string
	State
}

// Begin lists what comes before the first step.
func Begin(o Origin) []Line {
	s := State{Program: RawChild, Root: Runtime, In: o.In, IDs: Runtime, Caps: AllCaps, Descriptors: Streams | Inherited, Memory: Copied, Exec: o.Exec, Seen: o.Seen}
	if o.Exec && o.In&unix.CLONE_NEWNS != 0 {
		s.Root = Container // of the mount namespace
	}
	lines := []Line{{"clone3, setns, the ids of the user namespace", s}}
	s.Program, s.Descriptors, s.Memory, s.Hidden = Init, Streams|Socket, 0, o.Hidden
	lines = append(lines, Line{"execveat of the sealed binary", s})
	s.Descriptors |= Trees
	if o.Fifos {
		s.Descriptors |= Start | Answer
	}
	if o.Logs {
		s.Descriptors |= Logs
	}
	s.Memory = Plan | Progress
	return append(lines, Line{"receive the plan", s})
}

// After is what a process in a state is once it has taken a step; of CloneInside it is
// the process that was cloned. Steps that are not here change mounts, names and limits,
// and nothing of it.
func (s State) After(step plan.InitStep) State {
	switch step := step.(type) {
	case *plan.UnshareCgroup:
		s.In |= unix.CLONE_NEWCGROUP
	case *plan.JoinPID:
		s.Children |= unix.CLONE_NEWPID
	case *plan.PivotRoot, *plan.MoveRoot, *plan.Chroot:
		s.Root = Container
	case *plan.JoinKeyring:
		if step.Label != "" {
			s.Descriptors |= Procfs
		}
	case *plan.Sysctl, *plan.OwnProc, *plan.SetLabels:
		s.Descriptors |= Procfs
	case *plan.SetIdentity:
		s.IDs, s.Caps = Container, IdentityCaps
	case *plan.SetCapabilities:
		s.Caps = ProcessCaps
		if step.KeepAdmin {
			s.Caps = AdminCaps
		}
	case *plan.SetNoNewPrivs:
		s.NoNewPrivs = true
	case *plan.CloseOthers:
		s.Descriptors &= Streams | Socket | Start | Answer | Logs
	case *plan.LoadSeccomp:
		s.Filter = true
		s.forget()
	case *plan.DropAdmin:
		s.Caps = ProcessCaps
	case *plan.Sync:
		switch step.Phase {
		case plan.Empty:
			s.Memory |= More
		case plan.Ready:
			s.forget()
			s.Seen = s.Seen || s.Children == 0
		}
	case *plan.CloneInside:
		s.In, s.Children, s.Seen = s.In|s.Children, 0, true
		s.Memory = Rest | s.Memory&Progress
	case *plan.WaitStart:
		s.Descriptors &^= Socket | Start
	case *plan.Execute:
		s.Program, s.Caps, s.Descriptors, s.Memory = Process, ProcessCaps, Streams, 0
		s.Hidden = false
	}
	return s
}

// forget is what comes before ready, or before the filter. create receives the
// reports of init's steps until then, and exec until execve(2).
func (s *State) forget() {
	if !s.Exec {
		s.Memory &^= Progress
	}
	s.Memory = s.Memory&Progress | Rest
}

// Fold lists what comes of steps after lines.
func Fold(lines []Line, steps []plan.InitStep) []Line {
	s := lines[len(lines)-1].State
	for _, step := range steps {
		s = s.After(step)
		lines = append(lines, Line{step.String(), s})
	}
	return lines
}
