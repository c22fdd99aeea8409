// Package state keeps what outlives a runtime process: one directory for each container, <root>/<id>, with
//
//	state.json   the state file, or journal: what the container is, and all that must be undone when it is deleted
//	config.kept  the configuration that the container was made from
//	limits.json  the resource limits that hold, once they are not those of config.kept any more
//	mounts.added the mounts that were added to the living container: those that may be removed
//	devices.json the devices that were added to the living container: those that may be removed
//	exec.fifo    exists from create to start, which writes to it; its reader is the container's init
//	answer.fifo  exists as long; what init reports to start
//	notify       of a service of systemd's: directory of the socket to which it reports that it is ready
//
// The state file is written before the first kernel object exists and each time something new would need undoing, so that a
// runtime killed at any instruction leaves nothing that cannot be found again. Its keys are those of runc's state.json
// where other programs read them (cAdvisor, hooks, nsenter scripts), and its own beside them.
//
// # What is kept
//
// config.kept is written by create and restore, once, before the state file says that the container is created, and never
// changed. It is a line of JSON and, behind the newline,
//
//	config.json, the text as it was read    "config" bytes
//	the compiled filter of linux.seccomp    "instructions" of 8 bytes, little-endian: code (2), jt, jf, k (4)
//
// The line has the keys "format", "config", "aside" and, if there is a filter, "seccomp", an object with "flags" (of
// seccomp(2)), "notify" and "instructions". "aside" is a list of offsets in the text, from and to by turns: the values
// there are what only the making of a container needs. exec reads the text without them, and compiles nothing.
//
// The format is a number. A version reads all formats up to the one that it writes, and says so of a later one; keys that
// it does not know are skipped in every format. The state file's key config_kept says that there is such a file. Where it is
// missing, an older version has made the container, and config.json is read, if it has not changed since.
// testdata has files of each format.
//
// Only a regular file of the directory's owner, to which no other user can write, is accepted.
//
// # Locks
//
// A container's directory is locked while something changes the container. Reading needs no lock, because the state file is
// replaced as a whole; it must not need one, because hooks ask for the state while create holds the lock.
//
// Everything happens relative to descriptors of the two directories: a path is never put together from an id.
package state

import (
	"errors"
	"unicode/utf8"
)

// What callers branch on. The texts are those of runc, parts of which engines match.
var (
	// ErrExist: the id is taken, be it by a half-made container.
	ErrExist = errors.New("container with given ID already exists")
	// ErrNotExist: there is no such directory, or no state file in it.
	ErrNotExist = errors.New("container does not exist")
	// ErrBroken: the state file was read, and is not valid.
	ErrBroken = errors.New("not a container's state")
	// ErrInvalidID: the id cannot be the name of a container, see [CheckID].
	ErrInvalidID = errors.New("invalid container ID format")
)

var errEmptyID = errors.New("container id cannot be empty")

// IDError is [ErrInvalidID], whose text is for engines, with what is wrong with the id.
type IDError struct {
	ID  string
	Bad string // the first character that no id may have; empty: the id is "." or ".."
}

func (e *IDError) Error() string { return ErrInvalidID.Error() }

// Unwrap returns [ErrInvalidID].
func (e *IDError) Unwrap() error { return ErrInvalidID }

// CheckID accepts the names a container may have: letters, digits and _ + - . in any order, but not "." and "..". Such a
// name is also a safe file name.
func CheckID(id string) error {
	if id == "" {
		return errEmptyID
	}
	if id == "." || id == ".." {
		return &IDError{ID: id}
	}
	for i, c := range []byte(id) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case c == '_', c == '+', c == '-', c == '.':
		default:
			_, size := utf8.DecodeRuneInString(id[i:])
			return &IDError{id, id[i : i+size]}
		}
	}
	return nil
}
