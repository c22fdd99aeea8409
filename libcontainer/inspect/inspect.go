// Package inspect compares a container that lives with the config.json that it was made
// from.
//
// All that it reads is the host's: procfs by a directory of init's that is known to be
// one, cgroupfs by the container's cgroup. Of the container's own files it only looks
// whether they are there, below its root (O_PATH). Nothing of the container is executed,
// opened for reading, or believed.
package inspect

import (
	"strings"

	"github.com/crun-go/crun-go/libcontainer"
)

// Fact is one property of a container.
type Fact struct {
	Name  string // "capabilities bounding"
	Field string // of config.json that asks for it; "" if none does
	Asked string // "" if nothing was asked for
	Is    string
	// Differs: what is there is not what was asked for, and a process of the container
	// has not the right to make the difference.
	Differs bool
}

// Facts looks at a container that lives.
func Facts(v *libcontainer.View) ([]Fact, error) {
	l := look{View: v}
	l.add("status", "", "", string(v.Status), false)
	for _, part := range [...]func(*look) error{
		(*look).namespaces, (*look).idMaps, (*look).identity, (*look).labels, (*look).limits, (*look).scheduling,
		(*look).mounts, (*look).devices, (*look).cgroup, (*look).sysctls, (*look).processes,
	} {
		if err := part(&l); err != nil {
			return nil, err
		}
	}
	return l.facts, nil
}

type look struct {
	*libcontainer.View
	facts []Fact
}

func (l *look) add(name, field, asked, is string, differs bool) {
	l.facts = append(l.facts, Fact{name, field, asked, is, differs})
}

// compare adds a fact that differs if the texts do.
func (l *look) compare(name, field, asked, is string) {
	l.add(name, field, asked, is, asked != is)
}

// read reads a file of init's in /proc, without the newline at its end.
func (l *look) read(file string) (string, error) {
	text, err := l.Init.Read(file)
	return strings.TrimRight(string(text), "\n\x00"), err
}
