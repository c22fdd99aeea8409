package builder

import (
	"fmt"
	"os"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Do carries out one step that a create and a restore both may have.
func (b *Builder) Do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.CreateCgroup:
		return b.unlimited(s, b.Owned.Cgroup.Create(s))
	case *plan.StartUnit:
		return b.Owned.Unit.Prepare(s, b.Plan.Parent)
	case *plan.SetResources:
		return b.Owned.Cgroup.Limit(s.Resources)
	case *plan.SetDevices:
		return b.Owned.Cgroup.SetDevices(s)
	case *plan.SetPids:
		return b.Owned.Unit.LimitPids(s.Limit)
	case *plan.MakeRdtGroup:
		return b.Owned.Class.Make(s)
	case *plan.MoveNetDevice:
		return b.Owned.Devices.Move(s)
	case *plan.OpenTree:
		return b.openSource(s)
	case *plan.LockTrees:
		return b.Sources.Lock()
	case *plan.OpenLog:
		return b.openLog(s)
	case *plan.RunHooks:
		return b.runHooks(s)
	}
	return fmt.Errorf("no such step: %s", item.Step)
}

// openSource opens a tree, which may be that of the container's cgroup.
func (b *Builder) openSource(s *plan.OpenTree) error {
	cgroup := ""
	if group := b.Cgroup(); group != nil {
		cgroup = group.Dir()
	}
	return b.Sources.Open(s, cgroup)
}

// openLog opens a file for hooks' output into its slot.
func (b *Builder) openLog(s *plan.OpenLog) error {
	fd, err := sys.OpenAppend(s.Path, 0o600, false)
	if err != nil {
		return err
	}
	b.Sources.Keep(s.Slot, plan.Tree{FD: fd})
	return nil
}

func (b *Builder) runHooks(s *plan.RunHooks) error {
	b.ranHooks = true
	st := b.Plan.Container.HookState(s.Status, b.Init.Pid)
	log := hooks.Log{Stdout: b.logFD(s.Log.Stdout), Stderr: b.logFD(s.Log.Stderr)}
	return log.Run(s.Kind, s.Hooks, plan.AppendState(nil, &st), b.Options.Bundle, os.Environ())
}

// logFD gives the descriptor of a slot counted from 1; 0: none.
func (b *Builder) logFD(slot int) int {
	if slot == 0 {
		return 0
	}
	return b.Sources.Trees[slot-1].FD
}
