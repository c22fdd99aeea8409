package spawn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Join is a namespace to enter by descriptor.
type Join struct {
	FD   int
	Type int // CLONE_NEW*
}

// Config says how to make a process.
type Config struct {
	Exe    int      // descriptor of the sealed binary
	Args   []string // its arguments; the number of the child's socket is appended
	Cgroup int      // directory of the cgroup it is cloned into; -1: the caller's own
	// Place, if it is set, moves process pid to where the process is to be cloned:
	// stage one, which waits for that and then makes it. Cgroup is -1 then.
	Place func(pid int) error
	New   int // CLONE_NEW* flags of clone3
	Joins []Join
	// Stay: the process that joins is the one that executes. That is possible
	// if New is 0, no pid namespace is among Joins and Place is not set, and
	// then a failure comes as a message.
	Stay bool

	// MapIDs writes the id maps of a new user namespace for pid. It is set if
	// and only if New has CLONE_NEWUSER.
	MapIDs func(pid int) error
	// User namespaces, new or joined: the ids to take on inside.
	UID, GID   int
	SetGroups  bool // setgroups(2) is allowed there
	KeepGroups bool // the caller's supplementary groups come along

	TimeOffsets []byte // content of timens_offsets; nil: no new time namespace
	NewTime     bool
}

// Process is a spawned process, a child of this one.
type Process struct {
	Pid   int
	PidFD int
	Conn  wire.Conn
}

// stages of the raw child, for its error reports.
const (
	stageJoin = iota + 1
	stageClone
	stageSync
	stageIDs
	stageIPC
	stageTime
	stageExec
)

func stageText(stage, index int, c *Config) string {
	switch stage {
	case stageJoin:
		return "join namespace " + string(proc.NamespaceOfFlag(c.Joins[index].Type).Type)
	case stageClone:
		return "clone3"
	case stageSync:
		return "wait for id maps"
	case stageIDs:
		return fmt.Sprintf("become uid %d gid %d of the user namespace", c.UID, c.GID)
	case stageIPC:
		return "make ipc namespace"
	case stageTime:
		return "make time namespace"
	}
	return "execute the sealed binary"
}

// Start makes the process, and makes it the victim of signals (sys.CatchSignals). The calling goroutine must be locked to its thread
// for as long as the process must not outlive the caller: parent death signals
// follow the thread. On error nothing is left running.
func Start(c *Config) (*Process, error) {
	for _, join := range c.Joins {
		if join.Type != unix.CLONE_NEWNS {
			continue
		}
		if err := checkStatic(); err != nil {
			return nil, err
		}
	}
	parent, child, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	raw, err := newRawChild(c, child.FD(), parent.FD())
	if err != nil {
		parent.Close()
		child.Close()
		return nil, err
	}
	if len(c.TimeOffsets) > 0 {
		proc, err := sys.HostProc()
		if err != nil {
			parent.Close()
			child.Close()
			return nil, err
		}
		defer proc.Close()
		raw.proc = uintptr(proc.FD())
	}
	pid, errno := raw.fork()
	runtime.KeepAlive(raw)
	child.Close()
	if errno != 0 {
		parent.Close()
		return nil, cloneError(errno, c)
	}
	p := &Process{Pid: pid, PidFD: int(raw.pidfd), Conn: parent}
	sys.Victim(p.PidFD)
	if err := p.settle(c); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// settle brings a new process to the point where it executes the binary.
func (p *Process) settle(c *Config) error {
	if c.Place != nil {
		if err := c.Place(p.Pid); err != nil {
			return err
		}
		if err := p.signal(); err != nil {
			return err
		}
	}
	if c.staged() {
		if err := p.adopt(c); err != nil {
			return err
		}
	}
	if c.MapIDs == nil {
		return nil
	}
	if err := c.MapIDs(p.Pid); err != nil {
		return err
	}
	return p.signal()
}

// signal lets the raw child go on.
func (p *Process) signal() error {
	_, err := retry.Write(p.Conn.FD(), []byte{1})
	return os.NewSyscallError("write", err)
}

// staged reports whether a first stage makes the process.
func (c *Config) staged() bool { return len(c.Joins) > 0 && !c.Stay || c.Place != nil }

// adopt replaces stage one by the process it made.
func (p *Process) adopt(c *Config) error {
	m, err := p.Conn.Recv()
	if err != nil {
		return fmt.Errorf("join namespaces: %w", err)
	}
	m.Close()
	switch m.Kind {
	case wire.SpawnFailed:
		// Stage two can fail before stage one has reported it: it is our child
		// all the same, and has to be reaped.
		if second, err := p.Conn.Recv(); err == nil && second.Kind == wire.Child && len(second.Payload) == 4 {
			wait(int(codec.Values[uint32](second.Payload)[0]))
		}
		return c.Failure(m.Payload)
	case wire.Child:
	default:
		return fmt.Errorf("join namespaces: unexpected message %d", m.Kind)
	}
	if len(m.Payload) != 4 {
		return errors.New("join namespaces: malformed message")
	}
	pid := int(codec.Values[uint32](m.Payload)[0])
	if _, err := wait(p.Pid); err != nil {
		return err
	}
	sys.Forget(p.PidFD)
	unix.Close(p.PidFD)
	p.PidFD = -1
	// An unreaped child: its pid cannot be reused.
	p.Pid = pid
	if p.PidFD, err = unix.PidfdOpen(pid, 0); err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	sys.Victim(p.PidFD)
	return nil
}

// Failure turns the payload of a SpawnFailed message into an error.
func (c *Config) Failure(payload []byte) error {
	if len(payload) != 12 {
		return io.ErrUnexpectedEOF
	}
	values := codec.Values[uint32](payload)
	stage, index, errno := int(values[0]), int(values[1]), unix.Errno(values[2])
	if stage == stageJoin && (index < 0 || index >= len(c.Joins)) {
		return io.ErrUnexpectedEOF
	}
	return &JoinError{Stage: stageText(stage, index, c), Index: index, Join: stage == stageJoin, Err: errno}
}

// JoinError is a failure of the raw child.
type JoinError struct {
	Stage string // what it did
	Join  bool   // it was joining Config.Joins[Index]
	Index int
	Err   error
}

func (e *JoinError) Error() string { return e.Stage + ": " + e.Err.Error() }

// Unwrap returns the errno.
func (e *JoinError) Unwrap() error { return e.Err }

// CloneError means that the kernel made no process, where it was to be cloned into a
// cgroup. A failure of an existing process is not a CloneError, whatever its errno.
type CloneError struct{ Errno unix.Errno }

func (e *CloneError) Error() string { return "clone3: " + e.Errno.Error() }

// Unwrap returns the failure of the call.
func (e *CloneError) Unwrap() error { return os.NewSyscallError("clone3", e.Errno) }

func cloneError(errno unix.Errno, c *Config) error {
	err := os.NewSyscallError("clone3", errno)
	if c.Cgroup >= 0 {
		err = &CloneError{errno}
	}
	switch {
	case errno == unix.EBUSY && c.Cgroup >= 0:
		return fmt.Errorf("%w (the cgroup has sub-cgroups with controllers)", err)
	case errno == unix.EAGAIN && c.Cgroup >= 0:
		return fmt.Errorf("%w (no room for a process: see pids.max of its cgroup and those above, and RLIMIT_NPROC)", err)
	case errno == unix.EINVAL && c.New&unix.CLONE_NEWUSER != 0, errno == unix.ENOSPC:
		return fmt.Errorf("%w (see the limits in /proc/sys/user)", err)
	}
	return err
}

// Kill ends the process, reaps it and releases the descriptors. The error is of one
// that does not end.
func (p *Process) Kill() error {
	p.kill()
	_, err := p.Wait()
	p.Close()
	return err
}

func (p *Process) kill() {
	if p.PidFD < 0 || unix.PidfdSendSignal(p.PidFD, unix.SIGKILL, nil, 0) != nil {
		unix.Kill(p.Pid, unix.SIGKILL) // its number, as long as it is not reaped
	}
}

// Close releases the descriptors and leaves the process alone.
func (p *Process) Close() {
	p.Conn.Close()
	if p.PidFD >= 0 {
		sys.Forget(p.PidFD)
		unix.Close(p.PidFD)
	}
}

// endTime is how long a process may take to end, and then to be killed: only one
// that is stuck in the kernel takes longer.
const endTime = 10 * time.Second

// Wait reaps a process that ends, or is about to: one that does not is killed.
func (p *Process) Wait() (unix.WaitStatus, error) {
	if p.PidFD < 0 {
		return wait(p.Pid)
	}
	gone, err := retry.Readable(p.PidFD, endTime)
	if err != nil || !gone {
		p.kill()
		gone, err = retry.Readable(p.PidFD, endTime)
	}
	if err == nil && !gone {
		return 0, fmt.Errorf("process %d does not end, though it was killed", p.Pid)
	}
	return wait(p.Pid)
}

func wait(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	_, err := retry.Wait4(pid, &status, 0)
	return status, os.NewSyscallError("wait4", err)
}

func newRawChild(c *Config, socket, other int) (*rawChild, error) {
	args := append(append([]string(nil), c.Args...), strconv.Itoa(socket))
	argv, err := pointers(args)
	if err != nil {
		return nil, err
	}
	r := &rawChild{
		argv:       argv,
		exe:        uintptr(c.Exe),
		socket:     uintptr(socket),
		other:      uintptr(other),
		joins:      c.Joins,
		placed:     c.Place != nil,
		uid:        uintptr(c.UID),
		gid:        uintptr(c.GID),
		mapped:     c.MapIDs != nil,
		setGroups:  c.SetGroups && !c.KeepGroups,
		keepGroups: c.KeepGroups,
		newTime:    c.NewTime,
		offsets:    c.TimeOffsets,
	}
	r.args = cloneArgs{exitSignal: uint64(unix.SIGCHLD), flags: unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND, pidfd: uint64(uintptr(unsafe.Pointer(&r.pidfd)))}
	if c.Cgroup >= 0 {
		r.args.flags |= unix.CLONE_INTO_CGROUP
		r.args.cgroup = uint64(c.Cgroup)
	}
	for _, j := range c.Joins {
		r.userJoined = r.userJoined || j.Type == unix.CLONE_NEWUSER
		r.timeJoined = r.timeJoined || j.Type == unix.CLONE_NEWTIME
	}
	// The root directory of its message queues belongs to the user that makes an IPC
	// namespace: made with the user namespace, whose ids are not mapped yet, that user
	// would have no id in it.
	flags := uint64(c.New)
	if r.newIPC = r.mapped && flags&unix.CLONE_NEWIPC != 0; r.newIPC {
		flags &^= unix.CLONE_NEWIPC
	}
	r.stay = !c.staged()
	if !r.stay {
		r.second = cloneArgs{flags: flags | unix.CLONE_PARENT} // which takes stage one's exit signal
		return r, nil
	}
	r.args.flags |= flags
	if haveVfork && !r.mapped && !r.newTime && !r.userJoined && !r.timeJoined {
		// Nothing to wait for, and nothing done that changes the memory's
		// standing with the kernel: it need not be copied, and not be unshared
		// again afterwards.
		r.args.flags |= unix.CLONE_VM | unix.CLONE_VFORK
	}
	return r, nil
}

func pointers(strs []string) ([]*byte, error) {
	ptrs := make([]*byte, len(strs)+1)
	for i, s := range strs {
		p, err := unix.BytePtrFromString(s)
		if err != nil {
			return nil, err
		}
		ptrs[i] = p
	}
	return ptrs, nil
}
