// Package hooks runs OCI hooks: programs that read the container's state from
// standard input. See "POSIX-platform Hooks" in the runtime-spec's config.md.
//
// The runtime runs those outside of the container ([Log.Run]), and init those inside
// ([Inside.Run]), which may have no runtime of Go's. What is between a hook's start
// and its end is the same.
package hooks

import (
	"strconv"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
)

// Env says what a hook without "env" gets.
type Env []string

// Log is where hooks' output is copied to: descriptors, 0 for none. A copy that
// cannot be written is not a failure of the hook.
type Log struct{ Stdout, Stderr int }

// Error is the failure of one hook.
type Error struct {
	Kind  string // "prestart"
	Index int
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Field is the hook's place in config.json.
func (e *Error) Field() string { return "hooks." + e.Kind + "[" + strconv.Itoa(e.Index) + "]" }

// Run is [Log.Run] without a log.
func Run(kind string, hooks []specs.Hook, state []byte, dir string, env Env) error {
	return Log{}.Run(kind, hooks, state, dir, env)
}

// Run runs hooks in order and stops at the first that fails. kind is their key
// in config.json; dir is the working directory, "" for the caller's. A signal that was
// caught ends a hook (sys.CatchSignals).
func (l Log) Run(kind string, hooks []specs.Hook, state []byte, dir string, env Env) error {
	text := string(state)
	for i := range hooks {
		h := &hooks[i]
		r := running{kind: kind, index: i, path: h.Path, limit: timeout(h), log: l}
		err := r.outside(h, text, dir, env)
		r.close()
		if err != nil {
			return &Error{Kind: kind, Index: i, Err: err}
		}
	}
	return nil
}

func (r *running) outside(h *specs.Hook, state, dir string, env Env) error {
	if err := r.open(); err != nil {
		return err
	}
	pid, err := syscall.ForkExec(h.Path, arguments(h), &syscall.ProcAttr{
		Dir:   dir,
		Env:   environment(h, env),
		Files: []uintptr{uintptr(r.stdin[0]), uintptr(r.stdout[1]), uintptr(r.stderr[1])},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		errno, _ := err.(unix.Errno)
		return r.notStarted(fault.New(errno, "%e"))
	}
	if err := r.started(pid); err != nil {
		return err
	}
	defer sys.Victim(sys.Victim(r.pidfd))
	failed := r.serve([3]string{state})
	if sig := sys.Caught(); failed == nil && sig != 0 {
		failed = fault.New(0, "ended with this process by signal %d").Num(int64(sig))
	}
	return r.end(failed)
}

func arguments(h *specs.Hook) []string {
	if len(h.Args) == 0 {
		return []string{h.Path}
	}
	return h.Args
}

func environment(h *specs.Hook, env Env) []string {
	if h.Env == nil {
		return env
	}
	return h.Env
}

func timeout(h *specs.Hook) int {
	if h.Timeout == nil {
		return 0
	}
	return *h.Timeout
}
