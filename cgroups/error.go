package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

var (
	// ErrNotExist is in the chain of every error about a cgroup that is not
	// there (any more). Its text avoids the errno's words: engines read "no
	// such file or directory" as "the container's command was not found".
	ErrNotExist = errors.New("no such cgroup")

	// ErrNotEmpty is in the chain of a [NotEmptyError].
	ErrNotEmpty = errors.New("cgroup is not empty")

	// ErrFrozen says that the cgroup, or one above it, is frozen: a process
	// born in it would never run.
	ErrFrozen = errors.New("cgroup is frozen")

	// ErrNotSupported is in the chain of every error about a controller or a
	// file that this kernel or this cgroup does not have.
	ErrNotSupported = errors.New("not supported")
)

// NotEmptyError is the refusal to use or to remove a cgroup with processes.
type NotEmptyError struct {
	Path  string // in the hierarchy
	Procs int    // processes in the cgroup and below it
}

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("cgroup %q is not empty: %d process(es) found", e.Path, e.Procs)
}

func (e *NotEmptyError) Unwrap() error { return ErrNotEmpty }

// Error is a resource that could not be set.
type Error struct {
	Field string // OCI name below linux.resources, such as "memory.limit"
	Op    string // "write" or "read"; empty if the value itself is wrong
	File  string // absolute path of the kernel's file; empty without Op
	Value string // what was to be written, in the kernel's words
	Err   error  // the cause
	Hint  string // what a person can do about it; may be empty
}

func (e *Error) Error() string {
	switch e.Op {
	case "":
		return e.Field + ": " + e.Err.Error()
	case "write":
		return fmt.Sprintf("%s: write %q to %q: %v", e.Field, e.Value, e.File, e.Err)
	default:
		return fmt.Sprintf("%s: %s %q: %v", e.Field, e.Op, e.File, e.Err)
	}
}

func (e *Error) Unwrap() error { return e.Err }

// reason is a cause in words of our own that still answers errors.Is.
type reason struct {
	text string
	is   error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.is }

var errGone error = &reason{"the cgroup is gone", ErrNotExist}

// invalid is the error for a value that no kernel would take.
func invalid(field, format string, args ...any) error {
	return &Error{Field: field, Err: fmt.Errorf(format, args...)}
}

// explain turns the errno of an access to file into an Error that says which
// field asked for it and, where the errno alone misleads, what it means.
func (c *Cgroup) explain(field, op, file, value string, err error) error {
	e := &Error{Field: field, Op: op, File: c.Dir() + "/" + file, Value: value, Err: err}
	switch err {
	case unix.ENOENT:
		e.Err, e.Hint = c.missing(file)
	case unix.ENODEV:
		if !c.exists() {
			e.Err = errGone
		} else if strings.HasPrefix(file, "io.") {
			e.Hint = "the value must name a whole disk of this host, not a partition"
		}
	case unix.EOPNOTSUPP:
		if strings.HasPrefix(file, "io.") {
			e.Err = &reason{"the disk has no weights", ErrNotSupported}
			e.Hint = "weights of single disks need the BFQ scheduler on them: see queue/scheduler in /sys/block/DISK"
		}
	case unix.EACCES, unix.EPERM, unix.EROFS:
		e.Hint = "this user may not write there: have the cgroup delegated, or leave the limit out"
	case unix.EINVAL, unix.ERANGE:
		e.Hint = rangeHint(file)
	case unix.EBUSY:
		e.Hint = "the kernel refuses the value while the cgroup, one below it or one beside it uses the resource"
		if file == "cgroup.subtree_control" {
			e.Hint = "no-internal-process rule of cgroup v2: the container's processes would have to be in a cgroup below it"
		}
	}
	return e
}

// rangeHint says what the kernel takes, for files that refuse usual mistakes.
func rangeHint(file string) string {
	switch file {
	case "cpu.max":
		return "quota must be at least 1000 and the burst, period 1000 to 1000000 microseconds"
	case "cpu.max.burst":
		return "burst must not exceed the quota"
	case "cpu.weight":
		return "a cgroup with cpu.idle=1 has no weight"
	case "cpuset.cpus", "cpuset.mems":
		return "the list must name CPUs or nodes that the parent cgroup has, such as 0-3,7"
	case "cpuset.cpus.partition":
		return "expected member, root or isolated"
	case "misc.max":
		return "expected RESOURCE VALUE, of the resources that misc.capacity of the root cgroup lists"
	case "io.max":
		return "expected MAJOR:MINOR and rbps, wbps, riops or wiops, each with =NUMBER or =max"
	case "memory.max", "memory.high", "memory.low", "memory.min", "memory.swap.max", "memory.swap.high", "memory.zswap.max":
		return "expected a number of bytes, or max"
	case "pids.max":
		return "expected a number, or max"
	}
	return ""
}

// exists says whether the directory behind c is still linked.
func (c *Cgroup) exists() bool {
	return unix.Faccessat(c.fd, "cgroup.controllers", unix.F_OK, 0) == nil
}

// missing explains why file is not in c's directory.
func (c *Cgroup) missing(file string) (cause error, hint string) {
	controller, _, _ := strings.Cut(file, ".")
	have, err := readAt(c.fd, "cgroup.controllers")
	switch {
	case err != nil:
		return errGone, ""
	case controller == "cgroup" || hasWord(string(have), controller):
		return &reason{"this kernel has no such file", ErrNotSupported}, fileHint(file)
	}
	return c.unavailable(controller)
}

func fileHint(file string) string {
	switch {
	case strings.HasPrefix(file, "memory.swap."):
		return "swap accounting is off: boot with swapaccount=1"
	case strings.HasPrefix(file, "hugetlb."):
		return "see /sys/kernel/mm/hugepages for the page sizes that the kernel knows"
	case file == "io.weight" || file == "io.bfq.weight":
		return "weights need the BFQ scheduler or a kernel with CONFIG_BLK_CGROUP_IOCOST"
	}
	return ""
}

// unavailable explains why controller is not among those of c.
func (c *Cgroup) unavailable(controller string) (cause error, hint string) {
	why := func(text string) error {
		return &reason{fmt.Sprintf("%s controller not available in %q: %s", controller, c.path, text), ErrNotSupported}
	}
	root, err := retry.ReadFile(c.h.Path + "/cgroup.controllers")
	if err == nil && !hasWord(string(root), controller) {
		if ownedByV1(controller) {
			return why("owned by cgroup v1 (hybrid host)"),
				"boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=all)"
		}
		return why("the kernel does not offer it"),
			"it is not compiled in, switched off by cgroup_disable=, or not delegated to this cgroup namespace"
	}
	if now, err := kind(c.fd); err == nil && isThreaded(controller) == 0 && (now == "threaded" || now == "domain invalid") {
		return why("the cgroup is part of a threaded subtree, which has cpu, cpuset, perf_event and pids only"),
			"choose a place outside of that subtree in linux.cgroupsPath, or leave the limit out"
	}
	for _, r := range c.refused {
		if r.controller != controller {
			continue
		}
		if r.err == unix.EBUSY {
			return why(fmt.Sprintf("%q has processes of its own, so it cannot enable controllers for its children", r.dir)),
				"no-internal-process rule of cgroup v2: move those processes into a cgroup below it"
		}
		return why(fmt.Sprintf("not delegated: enable it in %q: %v", c.h.Path+r.dir, r.err)), delegateHint
	}
	return why("not delegated"), delegateHint
}

const delegateHint = "a cgroup above it must have it in cgroup.subtree_control; " +
	"under systemd set Delegate=yes for the unit (user@.service for rootless)"

// ownedByV1 says whether a v1 hierarchy holds the controller, which
// /proc/self/cgroup tells (cgroups(7)): "4:memory:/".
func ownedByV1(controller string) bool {
	name := controller
	if name == "io" {
		name = "blkio"
	}
	b, err := retry.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		_, rest, _ := strings.Cut(line, ":")
		list, _, _ := strings.Cut(rest, ":")
		for item := range strings.SplitSeq(list, ",") {
			if item == name {
				return true
			}
		}
	}
	return false
}

// pathError is the error of an access to a file of c that no OCI field asked
// for.
func (c *Cgroup) pathError(op, file string, err error) error {
	if err == unix.ENOENT || err == unix.ENODEV {
		err, _ = c.missing(file)
	}
	return &fs.PathError{Op: op, Path: c.Dir() + "/" + file, Err: err}
}

// parseError is the answer to a kernel file that does not read as documented.
func (c *Cgroup) parseError(file string, text []byte) error {
	return &fs.PathError{Op: "parse", Path: c.Dir() + "/" + file, Err: errors.New("unexpected " + strconv.Quote(string(text)))}
}
