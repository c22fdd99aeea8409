// Package resource is what a container owns on the host beside its processes: a cgroup,
// which may be that of a unit of systemd's, a class of service, network devices that are
// on their way into it, and its state directory.
//
// Each has a type that makes it and removes it. What makes it writes its entry in the
// state file before it exists, so that a runtime which is killed at any instruction leaves
// nothing that [Set.Remove] does not find. A create that failed, delete and gc all remove
// with that one method, and by these entries.
package resource

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Record is a container's state file and the directory that it is in.
type Record struct {
	Dir     *state.Dir
	Journal *state.State
}

// Save writes the state file.
func (r *Record) Save() error { return r.Dir.Save(r.Journal) }

// Keep writes down what the container is made from.
func (r *Record) Keep(k *state.Kept) error {
	if err := r.Dir.Keep(k); err != nil {
		return err
	}
	r.Journal.Kept = true
	return nil
}

// Set is what one container owns, in the order in which it is removed; the state directory
// goes last.
type Set struct {
	*Record
	Devices Devices
	Unit    Unit
	Cgroup  Cgroup
	Class   Class
}

// Of is what a state file names.
func Of(dir *state.Dir, journal *state.State) *Set {
	r := &Record{dir, journal}
	s := &Set{Record: r, Devices: Devices{Record: r}, Cgroup: Cgroup{Record: r}, Class: Class{Record: r}}
	s.Unit = Unit{Record: r, cgroup: &s.Cgroup}
	return s
}

// Intend writes what a plan will make in a hierarchy of cgroups into the state file, before
// that is made.
func (s *Set) Intend(p *plan.Plan, h cgroups.Hierarchy) {
	s.Cgroup.hierarchy, s.Cgroup.unmade = h, true
	for _, item := range p.Parent {
		switch step := item.Step.(type) {
		case *plan.StartUnit:
			s.Journal.Cgroup = state.Cgroup{Systemd: true, Unit: step.Name, User: step.User}
		case *plan.CreateCgroup:
			s.Cgroup.name(step)
		}
	}
}

// Created writes that the container is created: what only a failure undoes is not
// recorded any more.
func (s *Set) Created() error {
	s.Journal.Status = specs.StateCreated
	s.Journal.NetDevices = nil
	s.Devices.close()
	if s.Class.Outlives {
		s.Journal.Rdt.Made = false
	}
	return s.Save()
}

// Remove removes all that the state file names, when end has ended the container's processes.
// Network devices go back before that: a namespace of the container's own ends with init.
// The state directory goes last, so that a removal that is cut off can be done again.
func (s *Set) Remove(end func() error, warn func(specconv.Warning)) error {
	if err := s.Devices.Remove(); err != nil {
		warn(specconv.Warning{Field: "linux.netDevices", Text: err.Error()})
	}
	if err := end(); err != nil {
		return err
	}
	if err := errors.Join(s.Unit.Remove(), s.Class.Remove()); err != nil {
		return fmt.Errorf("unable to destroy container: %w", err)
	}
	return s.Dir.Remove()
}

// Close releases descriptors, but the directory's.
func (s *Set) Close() {
	s.Devices.close()
	s.Unit.close()
	if s.Cgroup.Group != nil {
		s.Cgroup.Group.Close()
	}
}
