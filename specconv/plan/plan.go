package plan

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Plan is everything that happens between reading config.json and execve of
// the container's process. Both halves run strictly in order; they meet at the
// Sync steps, which stand in both. A restore has no half for init.
type Plan struct {
	Container Container
	Parent    []Item // carried out by create, run or restore, in the host's namespaces
	Init      []Item // carried out by the re-exec'd init

	// Filter is the container's, for all that is executed in it; nil: none.
	Filter *LoadSeccomp

	// Hooks after the plan's end: once the container's process runs, and once
	// the container is deleted.
	Poststart, Poststop []specs.Hook
}

// Item is a step and the field of config.json that asked for it.
type Item struct {
	Field string // "mounts[3]"; empty if the runtime itself needs the step
	Step
}

// Has reports whether there is a step of a type among items.
func Has[S Step](items []Item) bool {
	return slices.ContainsFunc(items, func(item Item) bool { _, ok := item.Step.(S); return ok })
}

// Container is what hooks and the state command report about a container.
type Container struct {
	ID          string
	Bundle      string // absolute
	Rootfs      string // absolute
	OCIVersion  string
	Annotations map[string]string
}

// Step is one action. Its String is a line for people: verb, object, how.
type Step interface {
	String() string
}

// InitStep is a step that can be sent to init.
type InitStep interface {
	Step
	// InitKind says which type of step it is.
	InitKind() Kind
	// Code lists the step's fields.
	Code(*codec.Coder)
}

// Phase names a meeting point of parent and init.
type Phase uint8

const (
	// Mounted: the container's mounts and devices are in place; the old root
	// is still there. The parent runs the runtime hooks now.
	Mounted Phase = iota + 1
	// Ready: init has become the container's process in all but execve, and
	// the executable exists.
	Ready
	// Done: init does not become a process, and has nothing left to do.
	Done
	// Born: init runs, but not yet in the container's cgroup. The parent moves it
	// there now.
	Born
	// Empty: init has used the mount trees that it was given. The parent opens
	// the next ones now.
	Empty
	// Separated: the first process that CRIU restores is in its namespaces, and
	// nothing else of it is restored.
	Separated
	// Restored: all processes are as they were, and none runs.
	Restored
	// Running: they run.
	Running
)

func (p Phase) String() string {
	switch p {
	case Mounted:
		return "mounted"
	case Ready:
		return "ready"
	case Done:
		return "done"
	case Born:
		return "born"
	case Empty:
		return "empty"
	case Separated:
		return "in its namespaces"
	case Restored:
		return "restored"
	case Running:
		return "running"
	}
	return "phase ?"
}
