// Package hooks runs OCI hooks: programs that read the container's state from
// standard input. See "POSIX-platform Hooks" in the runtime-spec's config.md.
package hooks

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// maxOutput bounds what is kept of a hook's output, for its error message.
const maxOutput = 16 << 10

// Env says what a hook without "env" gets.
type Env []string

// Log is where hooks' output is copied to: descriptors, 0 for none. A copy that
// can't be written is no failure of the hook.
type Log struct{ Stdout, Stderr int }

// Run is [Log.Run] without a log.
func Run(kind string, hooks []specs.Hook, state []byte, dir string, env Env) error {
	return Log{}.Run(kind, hooks, state, dir, env)
}

// Run runs hooks in order and stops at the first that fails. kind is their key
// in config.json; dir is the working directory, "" for the caller's.
func (l Log) Run(kind string, hooks []specs.Hook, state []byte, dir string, env Env) error {
	return l.each(kind, hooks, state, func(h *specs.Hook, p *pipes) (int, error) {
		return syscall.ForkExec(h.Path, arguments(h), &syscall.ProcAttr{
			Dir:   dir,
			Env:   environment(h, env),
			Files: []uintptr{uintptr(p.stdin[0]), uintptr(p.stdout[1]), uintptr(p.stderr[1])},
			Sys:   &syscall.SysProcAttr{Setpgid: true},
		})
	})
}

// RunConfined is Run for hooks that are under more than the caller: each takes
// that on itself, so that the caller need not live with it.
func (l Log) RunConfined(kind string, hooks []specs.Hook, state []byte, env Env, under sys.Confinement) error {
	return l.each(kind, hooks, state, func(h *specs.Hook, p *pipes) (int, error) {
		program, err := sys.NewProgram(h.Path, arguments(h), environment(h, env))
		if err != nil {
			return 0, err
		}
		child := sys.Child{Confinement: under, Program: program, Stdio: [3]int{p.stdin[0], p.stdout[1], p.stderr[1]}}
		return child.Start()
	})
}

// starting starts a hook as the leader of a process group.
type starting func(h *specs.Hook, p *pipes) (pid int, err error)

func (l Log) each(kind string, hooks []specs.Hook, state []byte, start starting) error {
	for i := range hooks {
		if err := l.run(&hooks[i], state, start); err != nil {
			return &Error{Kind: kind, Index: i, Path: hooks[i].Path, Err: err}
		}
	}
	return nil
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

// Error is the failure of one hook.
type Error struct {
	Kind  string // "prestart"
	Index int
	Path  string
	Err   error
}

func (e *Error) Error() string {
	var own *os.PathError // names the program itself
	if errors.As(e.Err, &own) && own.Path == e.Path {
		return fmt.Sprintf("error running %s hook #%d: %v", e.Kind, e.Index, e.Err)
	}
	return fmt.Sprintf("error running %s hook #%d: %s: %v", e.Kind, e.Index, e.Path, e.Err)
}

// EntryIndex is which of the hooks of its kind has failed.
func (e *Error) EntryIndex() int { return e.Index }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// run runs one hook with its standard streams on pipes.
func (l Log) run(h *specs.Hook, state []byte, start starting) error {
	p := pipes{log: l}
	defer p.close()
	if err := p.open(); err != nil {
		return err
	}
	pid, err := start(h, &p)
	if err != nil {
		return &os.PathError{Op: "fork/exec", Path: h.Path, Err: err}
	}
	p.closeChildEnds()
	status, err := attend(pid, &p, state, timeout(h))
	if err != nil {
		return err
	}
	var exit string
	switch {
	case status.Signaled():
		exit = "signal: " + status.Signal().String()
	case status.ExitStatus() != 0:
		exit = "exit status " + strconv.Itoa(status.ExitStatus())
	default:
		return nil
	}
	return fmt.Errorf("%s, stdout: %s, stderr: %s", exit, bytes.TrimRight(p.out, "\n"), bytes.TrimRight(p.err, "\n"))
}

func timeout(h *specs.Hook) time.Duration {
	if h.Timeout == nil {
		return 0
	}
	return time.Duration(*h.Timeout) * time.Second
}

// attend feeds the hook, collects its output and reaps it.
func attend(pid int, p *pipes, state []byte, limit time.Duration) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		unix.Kill(pid, unix.SIGKILL)
		reap(pid, &status)
		return status, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	defer sys.Victim(sys.Victim(pidfd))
	pollErr := p.serve(pidfd, state, limit)
	if sig := sys.Caught(); pollErr == nil && sig != 0 {
		pollErr = fmt.Errorf("ended with this process by signal %d", sig)
	}
	if errors.Is(pollErr, errTimeout) {
		pollErr = fmt.Errorf("hook ran past specified timeout of %.1fs", limit.Seconds())
	}
	if pollErr != nil {
		unix.Kill(-pid, unix.SIGKILL) // with its children: the hook is its group's leader
		// A set-user-id program may be somebody whom this process may not end. Then nobody waits for it.
		if err := sys.SignalProcess(pidfd, pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
			return status, fmt.Errorf("%w, and could not be killed: %v", pollErr, err)
		}
	}
	if err := reap(pid, &status); err != nil {
		return status, err
	}
	p.drain()
	return status, pollErr
}

func reap(pid int, status *unix.WaitStatus) error {
	_, err := retry.Wait4(pid, status, 0)
	return os.NewSyscallError("wait4", err)
}
