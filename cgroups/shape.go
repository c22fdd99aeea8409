package cgroups

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// full explains why no cgroup can be made below c, for which the kernel has but
// EAGAIN: c, or one above it, allows no more, or none that deep.
func (c *Cgroup) full() error {
	level, path := c, c.path
	for depth := uint64(0); ; depth++ {
		r := reader{c: level}
		most, deepest := r.number("cgroup.max.descendants"), r.number("cgroup.max.depth")
		have, _ := flatKey(r.text("cgroup.stat"), "nr_descendants")
		if level != c {
			level.Close()
		}
		switch {
		case r.err != nil:
			return unix.EAGAIN
		case have >= most:
			return &reason{fmt.Sprintf("cgroup.max.descendants of %q allows %d cgroups below it, and there are as many", path, most), unix.EAGAIN}
		case depth >= deepest:
			return &reason{fmt.Sprintf("cgroup.max.depth of %q allows %d levels below it", path, deepest), unix.EAGAIN}
		}
		if path = parent(path); path == "/" {
			return unix.EAGAIN
		}
		var err error
		if level, err = c.h.Open(path); err != nil {
			return unix.EAGAIN
		}
	}
}

// Threaded is the error, of ErrNotSupported, that says why no container can be in
// c: it is threaded, or below a cgroup that is (cgroup-v2.rst, "Threads"). It is
// nil if that is not so, or not known.
func (c *Cgroup) Threaded() error {
	b, err := readAt(c.fd, "cgroup.type")
	if err != nil {
		return nil // Linux before 4.14 has none, and the root
	}
	kind := strings.TrimSpace(string(b))
	if kind != "threaded" && kind != "domain invalid" {
		return nil
	}
	return &reason{fmt.Sprintf("cgroup.type of %q is %q: it is part of a threaded subtree, which has threads of a process, and no processes of its own",
		c.path, kind), ErrNotSupported}
}
