package specconv

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// memoryMode is a mode of set_mempolicy(2), see linux/mempolicy.h.
type memoryMode struct {
	name   specs.MemoryPolicyModeType
	number uint32
	nodes  nodesRule
}

// nodesRule reports whether a mode goes with nodes.
type nodesRule uint8

const (
	nodesNever nodesRule = iota
	nodesMaybe
	nodesAlways
)

func memoryModes() [7]memoryMode {
	return [...]memoryMode{
		{specs.MpolDefault, 0, nodesNever},
		{specs.MpolPreferred, 1, nodesMaybe},
		{specs.MpolBind, 2, nodesAlways},
		{specs.MpolInterleave, 3, nodesAlways},
		{specs.MpolLocal, 4, nodesNever},
		{specs.MpolPreferredMany, 5, nodesAlways},
		{specs.MpolWeightedInterleave, 6, nodesAlways},
	}
}

// MemoryPolicyModes lists the values of linux.memoryPolicy.mode.
func MemoryPolicyModes() []string {
	var list []string
	for _, m := range memoryModes() {
		list = append(list, string(m.name))
	}
	return list
}

// MemoryPolicyFlags lists the values of linux.memoryPolicy.flags.
func MemoryPolicyFlags() []string {
	return []string{string(specs.MpolFNumaBalancing), string(specs.MpolFRelativeNodes), string(specs.MpolFStaticNodes)}
}

const maxNodes = 1 << 10 // MAX_NUMNODES of the largest kernels

const (
	numaBalancing = 1 << 13 // MPOL_F_* of linux/mempolicy.h
	relativeNodes = 1 << 14
	staticNodes   = 1 << 15
)

// planMemoryPolicy plans linux.memoryPolicy.
func (b *schedulingBuilder) planMemoryPolicy() error {
	p := b.linux.MemoryPolicy
	if p == nil {
		return nil
	}
	const field = "linux.memoryPolicy"
	var mode *memoryMode
	for _, m := range memoryModes() {
		if m.name == p.Mode {
			mode = &m
		}
	}
	if mode == nil {
		return invalid(field+".mode", "", "unknown mode %q, expected one of %s", p.Mode, strings.Join(MemoryPolicyModes(), ", "))
	}
	step := &plan.SetMemoryPolicy{Name: string(mode.name), Mode: mode.number}
	for i, flag := range p.Flags {
		switch flag {
		case specs.MpolFNumaBalancing:
			step.Mode |= numaBalancing
		case specs.MpolFRelativeNodes:
			step.Mode |= relativeNodes
		case specs.MpolFStaticNodes:
			step.Mode |= staticNodes
		default:
			return invalid(index(field+".flags", i), "", "unknown flag %q, expected one of %s", flag, strings.Join(MemoryPolicyFlags(), ", "))
		}
	}
	if step.Mode&relativeNodes != 0 && step.Mode&staticNodes != 0 {
		return invalid(field+".flags", "", "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other, expected one of them at most")
	}
	if strings.TrimSpace(p.Nodes) != "" {
		var err error
		if step.Nodes, err = parseList(p.Nodes, maxNodes); err != nil {
			return invalid(field+".nodes", "", "%q: %w, expected a list such as 0-3,7", p.Nodes, err)
		}
	}
	switch {
	case mode.nodes == nodesNever && len(step.Nodes) > 0:
		return invalid(field+".nodes", "leave it out", "%q, but %s goes without nodes", p.Nodes, mode.name)
	case mode.nodes == nodesAlways && len(step.Nodes) == 0:
		return invalid(field+".nodes", "", "empty, but %s needs nodes, expected a list such as 0-3,7", mode.name)
	}
	b.add(field, step)
	return nil
}
