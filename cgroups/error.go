package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
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
	// cloned into it would never run.
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

// MissingError means that a cgroup has not the controller that a file is of.
type MissingError struct {
	Controller string
	Path       string // of the cgroup, in the hierarchy
	Why        Why
	At         string // NotEnabled, Populated: the cgroup above that does not hand it down; may be empty
	Err        error  // NotEnabled: the kernel's answer there; may be nil
}

// Why returns why a cgroup lacks a controller.
type Why uint8

const (
	NotEnabled Why = iota // a cgroup above does not hand it down
	Populated             // that cgroup can't, because it has processes
	Threaded              // the cgroup is threaded, and the controller is not
	OwnedByV1             // cgroup v1 has it
	NotOffered            // the kernel, or the cgroup namespace, has it not
)

func (e *MissingError) Error() string {
	why := "not delegated"
	switch e.Why {
	case NotEnabled:
		if e.Err != nil {
			why = fmt.Sprintf("not delegated: enable it in %q: %v", e.At, e.Err)
		}
	case Populated:
		why = fmt.Sprintf("%q has processes of its own, so it cannot enable controllers for its children", e.At)
	case Threaded:
		why = "the cgroup is part of a threaded subtree, which has cpu, cpuset, perf_event and pids only"
	case OwnedByV1:
		why = "owned by cgroup v1 (hybrid host)"
	case NotOffered:
		why = "the kernel does not offer it"
	}
	return fmt.Sprintf("%s controller not available in %q: %s", e.Controller, e.Path, why)
}

// Unwrap says that it is not supported.
func (e *MissingError) Unwrap() error { return ErrNotSupported }

// invalid is the error for a value that no kernel would take.
func invalid(field, format string, args ...any) error {
	return &Error{Field: field, Err: fmt.Errorf(format, args...)}
}

// explain turns the errno of an access to file into an Error that says which
// field asked for it and, where the errno alone misleads, what it means.
func (d *dir) explain(field, op, file, value string, err error) error {
	e := &Error{Field: field, Op: op, File: d.Dir() + "/" + file, Value: value, Err: err}
	switch {
	case err == unix.ENOENT:
		e.Err = d.missing(file)
	case err == unix.ENODEV && !d.exists():
		e.Err = errGone
	case err == unix.EOPNOTSUPP && strings.HasPrefix(file, "io."):
		e.Err = &reason{"the disk has no weights", ErrNotSupported}
	}
	return e
}

// exists reports whether the directory behind d is still linked.
func (d *dir) exists() bool {
	return unix.Faccessat(d.fd, "cgroup.controllers", unix.F_OK, 0) == nil
}

// missing explains why file is not in d's directory.
func (d *dir) missing(file string) error {
	controller, _, _ := strings.Cut(file, ".")
	have, err := readAt(d.fd, "cgroup.controllers")
	switch {
	case err != nil:
		return errGone
	case controller == "cgroup" || hasWord(string(have), controller):
		return &reason{"this kernel has no such file", ErrNotSupported}
	}
	return d.unavailable(controller)
}

// unavailable explains why controller is not among those of d.
func (d *dir) unavailable(controller string) error {
	e := &MissingError{Controller: controller, Path: d.path}
	root, err := retry.ReadFile(d.h.Path + "/cgroup.controllers")
	if err == nil && !hasWord(string(root), controller) {
		if e.Why = NotOffered; ownedByV1(controller) {
			e.Why = OwnedByV1
		}
		return e
	}
	if now, err := kind(d.fd); err == nil && isThreaded(controller) == 0 && (now == "threaded" || now == "domain invalid") {
		e.Why = Threaded
		return e
	}
	i := slices.IndexFunc(d.refused, func(r refusal) bool { return r.controller == controller })
	switch {
	case i < 0:
	case d.refused[i].err == unix.EBUSY:
		e.Why, e.At = Populated, d.refused[i].dir
	default:
		e.At, e.Err = d.h.Path+d.refused[i].dir, d.refused[i].err
	}
	return e
}

// ownedByV1 reports whether a v1 hierarchy holds the controller, which
// /proc/self/cgroup shows (cgroups(7)): "4:memory:/".
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

// pathError is the error of an access to a file of d that no OCI field asked
// for.
func (d *dir) pathError(op, file string, err error) error {
	if err == unix.ENOENT || err == unix.ENODEV {
		err = d.missing(file)
	}
	return &fs.PathError{Op: op, Path: d.Dir() + "/" + file, Err: err}
}

// parseError is the answer to a kernel file that does not read as documented.
func (d *dir) parseError(file string, text []byte) error {
	return &fs.PathError{Op: "parse", Path: d.Dir() + "/" + file, Err: errors.New("unexpected " + strconv.Quote(string(text)))}
}
