package model

import (
	"slices"
	"strings"

	"github.com/crun-go/crun-go/libcontainer/proc"
)

// words are the bits of a set in words, from the lowest on.
func words(set uint, names ...string) string {
	var said []string
	for i, name := range names {
		if set&(1<<i) != 0 {
			said = append(said, name)
		}
	}
	if said == nil {
		return "none"
	}
	return strings.Join(said, ", ")
}

func (d Descriptors) String() string {
	return words(uint(d), "streams", "the runtime's", "socket", "mounts and directories", "procfs", "exec.fifo", "answer.fifo", "hooks' logs")
}

func (m Memory) String() string {
	return words(uint(m), "the runtime's", "plan", "rest of the plan", "number of the step", "further mounts")
}

// Namespaces names what CLONE_NEW* flags stand for.
func Namespaces(flags uint64) string {
	var names []string
	for _, ns := range proc.Namespaces() {
		if flags&uint64(ns.Flag) != 0 {
			names = append(names, string(ns.Type))
		}
	}
	return strings.Join(names, ", ")
}

func (s *State) namespaces() string {
	if s.Children == 0 {
		return Namespaces(s.In)
	}
	return Namespaces(s.In) + "; for children " + Namespaces(s.Children)
}

// TracedBy returns which processes can trace a process.
func (s *State) TracedBy() string {
	switch {
	case s.Program == Process:
		return "as the kernel has it"
	case s.Hidden:
		return "who has CAP_SYS_PTRACE in the runtime's user namespace"
	case s.Seen:
		return "who has CAP_SYS_PTRACE in its user namespace"
	}
	return "nobody in the container, which does not see it"
}

// cells are what a table has of a state, in the order of its head.
func (s *State) cells() []string {
	flags := "no"
	switch {
	case s.Filter && s.NoNewPrivs:
		flags = "filter, no_new_privs"
	case s.Filter:
		flags = "filter"
	case s.NoNewPrivs:
		flags = "no_new_privs"
	}
	return []string{string(s.Program), string(s.Root), s.namespaces(), string(s.IDs), string(s.Caps), flags, s.Descriptors.String(), s.Memory.String(), s.TracedBy()}
}

const head = "| step | executes | root | the container's namespaces | ids | capabilities | filter | descriptors | memory | may be traced by |\n"

// Table is the markdown of lines. A cell is empty where the step changes nothing, and
// the steps that change nothing at all are left out.
func Table(lines []Line) string {
	var b strings.Builder
	b.WriteString(head + strings.Repeat("| --- ", strings.Count(head, "|")-1) + "|\n")
	var last []string
	for i := range lines {
		cells := lines[i].cells()
		row := slices.Clone(cells)
		changed := last == nil
		for j := range last {
			if row[j] == last[j] {
				row[j] = ""
			} else {
				changed = true
			}
		}
		if last = cells; changed {
			b.WriteString("| " + brief(lines[i].Step) + " | " + strings.Join(row, " | ") + " |\n")
		}
	}
	return b.String()
}

// brief is a step without what another compiler or configuration would make of it.
func brief(step string) string {
	step, _, _ = strings.Cut(step, " (")
	step, _, _ = strings.Cut(step, " bounding=")
	return step
}
