package cgroups

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Update sets resources as [Cgroup.Set] and [Cgroup.SetPids] do, all or none:
// if one is refused, what the files held before is written back. An error of
// that is reported, too, after the one that led to it.
//
// After success the caller may still take it back by calling undo, once.
func (c *Cgroup) Update(r *specs.LinuxResources) (undo func() error, err error) {
	l := &limits{dir: &c.dir, log: new(changes)}
	if err = l.setAll(r); err == nil {
		err = l.setPids(r)
	}
	if err == nil {
		return l.putBack, nil
	}
	if back := l.putBack(); back != nil {
		err = fmt.Errorf("%w; and %w", err, back)
	}
	return nil, err
}

// changes are the writes that take back what was written, in the order of what
// was written.
type changes []change

type change struct {
	file, value string
	instead     string // of a value that the kernel does not take back; may be empty
}

// putBack undoes writes, the last one first: each then meets the values around
// it that it was made among, on which the kernel makes some depend.
func (l *limits) putBack() error {
	var errs []error
	for _, was := range slices.Backward(*l.log) {
		err := writeAt(l.fd, was.file, was.value)
		if err == unix.ENOSPC && was.instead != "" {
			err = writeAt(l.fd, was.file, was.instead)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("put back %q: %w", was.value, l.pathError("write", was.file, err)))
		}
	}
	return errors.Join(errs...)
}

// write writes a value and remembers, if asked to, what takes it
// back. The error is the bare errno.
func (l *limits) write(file, value string) error {
	if l.log == nil {
		return writeAt(l.fd, file, value)
	}
	back := l.before(file, value)
	err := writeAt(l.fd, file, value)
	if err == nil {
		*l.log = append(*l.log, back...)
	}
	return err
}

// before is what takes back the write of value to file that is about to come. A
// file that can't be read can't be restored: either it can't be written, or
// writing it is an act, such as memory.reclaim.
func (l *limits) before(file, value string) changes {
	old, err := readAt(l.fd, file)
	if err != nil {
		return nil
	}
	back, ok := inverse(file, value, string(old))
	if !ok {
		return nil
	}
	was := change{file: file, value: back}
	switch file {
	case "cpu.idle":
		// The kernel forgets the weight for it.
		return append(l.before("cpu.weight", ""), was)
	case "cpuset.cpus", "cpuset.mems":
		// Once it has a list, a cgroup with processes can't be without one again
		// (ENOSPC). The list of those that it had does the same for the time being.
		effective, _ := readAt(l.fd, file+".effective")
		was.instead = strings.TrimSuffix(string(effective), "\n")
	}
	return changes{was}
}

// keyed reports whether file has a line for each of its keys, and what is written
// for one that had none. Files with a fixed set of keys list them all.
func keyed(file string) (unset string, ok bool) {
	switch file {
	case "io.max":
		return "rbps=max wbps=max riops=max wiops=max", true
	case "io.latency":
		return "target=0", true
	case "io.weight", "io.bfq.weight":
		return "default", true
	case "rdma.max", "misc.max", "dmem.max", "dmem.low", "dmem.min":
		return "", true
	}
	return "", false
}

// inverse is the value that takes back the write of value to a file that held
// old. It is false if there is none.
func inverse(file, value, old string) (string, bool) {
	old = strings.TrimSuffix(old, "\n")
	if unset, ok := keyed(file); ok {
		return inverseLine(value, old, unset)
	}
	switch {
	case file == "cgroup.subtree_control":
		return inverseSigns(value, old)
	case file == "cpuset.cpus.partition":
		// "root invalid (Cpu list in cpuset.cpus not exclusive)"
		old, _, _ = strings.Cut(old, " ")
	case file == "cpu.weight" && old == "0":
		return "", false // of an idle cgroup; it takes none
	case strings.HasSuffix(file, ".pressure") && file != "cgroup.pressure", strings.HasSuffix(file, ".peak"):
		return "", false // acts on the open file only
	case old == "":
		old = "\n" // a write of nothing does nothing
	}
	return old, true
}

// inverseLine finds the line with the key that value begins with. A weight
// without a key is the default.
func inverseLine(value, old, unset string) (string, bool) {
	key, _, found := strings.Cut(value, " ")
	if !found {
		key = "default"
	}
	for line := range strings.Lines(old) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, key+" ") {
			return line, true
		}
	}
	return key + " " + unset, unset != "" && key != "default"
}

// inverseSigns takes back "+memory -io", as far as it changes anything.
func inverseSigns(value, old string) (string, bool) {
	var back []string
	for word := range strings.FieldsSeq(value) {
		switch has := hasWord(old, word[1:]); {
		case word[0] == '+' && !has:
			back = append(back, "-"+word[1:])
		case word[0] == '-' && has:
			back = append(back, "+"+word[1:])
		}
	}
	return strings.Join(back, " "), len(back) > 0
}
