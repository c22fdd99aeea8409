package cgroups

import (
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// full explains why no cgroup can be made below d, for which the kernel has but
// EAGAIN: d, or one above it, allows no more, or none that deep.
func (d *dir) full() error {
	level, path := d, d.path
	for depth := uint64(0); ; depth++ {
		r := reader{d: level}
		most, deepest := r.number("cgroup.max.descendants"), r.number("cgroup.max.depth")
		have, _ := flatKey(r.text("cgroup.stat"), "nr_descendants")
		if level != d {
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
		above, err := d.h.Open(path)
		if err != nil {
			return unix.EAGAIN
		}
		level = &above.dir
	}
}

// kind is what cgroup.type says of the cgroup of a directory: "domain", "domain
// threaded", "threaded", or "domain invalid", which can hold nothing (cgroup-v2.rst,
// "Threads"). It is empty for the root, and with Linux before 4.14.
func kind(dirfd int) (string, error) {
	b, err := readAt(dirfd, "cgroup.type")
	if err == unix.ENOENT {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// MakeThreaded makes a cgroup of c into which the kernel lets no process (EOPNOTSUPP)
// because it is below a threaded one: c and all between the two become threaded, for
// as long as they are there, and are of no use before. It reports whether c is
// threaded.
func (c *Cgroup) MakeThreaded() (bool, error) {
	names, err := split(c.path)
	if err != nil {
		return false, err
	}
	above := ""
	for _, name := range names {
		above += "/" + name
		threaded, err := c.h.makeThreaded(above)
		if err != nil || above == c.path {
			return threaded, err
		}
	}
	return false, nil
}

func (h Hierarchy) makeThreaded(path string) (bool, error) {
	const file = "cgroup.type"
	fd, err := h.openDir(path)
	if err != nil {
		return false, &fs.PathError{Op: "open", Path: h.Path + path, Err: err}
	}
	defer unix.Close(fd)
	now, err := kind(fd)
	if err == nil && now == "domain invalid" {
		now = "threaded"
		err = writeAt(fd, file, now)
	}
	if err != nil {
		return false, &fs.PathError{Op: "make threaded", Path: h.Path + path, Err: err}
	}
	return now == "threaded", nil
}
