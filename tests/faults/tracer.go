package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A fault is what is done to one system call.
type fault struct {
	Point point
	Errno string // name of the errno that it fails with, or
	Kill  string // what is killed at its entry: "it", the process that calls, or "all" that are traced
	Every bool   // each call of that name, of any process, as an outer sandbox does
}

func (f fault) String() string {
	what := f.Errno
	switch {
	case f.Kill != "":
		what = "kill " + f.Kill
	case f.Every:
		what += " always"
	}
	return f.Point.String() + " " + what
}

// A thread is one that is traced.
type thread struct {
	process *process
	result  int64 // what its present call returns instead, if not 0
	started bool  // the stop after its creation is over
}

// A process is one that is traced, until it executes the container's program.
type process struct {
	pid      int
	role     string
	children int
	counts   map[point]int
}

// A tracer follows a runtime and all that it starts. Its methods are called by
// one thread, the one that the kernel knows as the tracer; it also waits for
// the children that are not traced.
type tracer struct {
	name  func(string) string // makes of a path one that is the same in every run
	fault *fault
	hit   bool
	every bool                                            // whether each call is looked at: to record, or until the fault is served
	saw   func(point)                                     // called for each system call, if set
	look  func(tid int, th *thread, call *callInfo) error // called instead at each entry, and with nil at the end of an execve, if set
	seen  map[int]bool                                    // tids that stopped before they were known
	ended map[int]unix.WaitStatus

	lock    sync.Mutex // of what the alarm reads
	threads map[int]*thread
}

func newTracer(name func(string) string) *tracer {
	return &tracer{name: name, seen: map[int]bool{}, ended: map[int]unix.WaitStatus{}, threads: map[int]*thread{}}
}

const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// start executes a command, traced from its first system call on or not at all.
func (t *tracer) start(args []string, attr *syscall.ProcAttr, traced bool) (int, error) {
	attr.Sys = &syscall.SysProcAttr{Ptrace: traced}
	pid, err := syscall.ForkExec(args[0], args, attr)
	if err != nil || !traced {
		return pid, err
	}
	var status unix.WaitStatus
	for {
		if _, err = unix.Wait4(pid, &status, unix.WALL, nil); err != unix.EINTR {
			break
		}
	}
	if err != nil || !status.Stopped() {
		return 0, fmt.Errorf("trace %s: status %#x: %w", args[0], status, err)
	}
	if err := unix.PtraceSetOptions(pid, traceOptions); err != nil {
		return 0, fmt.Errorf("trace %s: %w", args[0], err)
	}
	t.add(pid, &thread{process: &process{pid: pid, role: "runtime", counts: map[point]int{}}, started: true})
	return pid, t.resume(pid, 0)
}

func (t *tracer) add(tid int, th *thread) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.threads[tid] = th
}

func (t *tracer) drop(tid int) {
	t.lock.Lock()
	defer t.lock.Unlock()
	delete(t.threads, tid)
}

// killTraced ends all that is traced.
func (t *tracer) killTraced() {
	t.lock.Lock()
	defer t.lock.Unlock()
	for _, th := range t.threads {
		_ = unix.Kill(th.process.pid, unix.SIGKILL)
	}
}

// errLate means that what was waited for did not happen in time.
var errLate = errors.New("took too long")

// wait serves what is traced until done, or until there is no child any more.
// When the time is over it kills all that is traced, and a second later, if that
// was not it, every process there is: the caller is the first of its pid namespace.
func (t *tracer) wait(limit time.Duration, done func() bool) error {
	late := false
	var lock sync.Mutex
	alarm := time.AfterFunc(limit, func() {
		lock.Lock()
		defer lock.Unlock()
		late = true
		t.killTraced()
	})
	defer alarm.Stop()
	last := time.AfterFunc(limit+time.Second, func() { _ = unix.Kill(-1, unix.SIGKILL) })
	defer last.Stop()
	var err error
	for !done() && err == nil {
		err = t.next()
	}
	lock.Lock()
	defer lock.Unlock()
	if late {
		return errLate
	}
	if err == unix.ECHILD {
		return nil
	}
	return err
}

// next waits for one event and serves it.
func (t *tracer) next() error {
	var status unix.WaitStatus
	tid, err := unix.Wait4(-1, &status, unix.WALL, nil)
	if err == unix.EINTR {
		return nil
	}
	if err != nil {
		return err
	}
	th := t.threads[tid]
	if !status.Stopped() {
		t.drop(tid)
		delete(t.seen, tid)
		if th == nil || th.process.pid == tid {
			t.ended[tid] = status
		}
		return nil
	}
	if th == nil {
		t.seen[tid] = true
		return nil
	}
	return gone(t.stopped(tid, th, status))
}

// gone takes the death of a thread for what it is: its end is the next event.
func gone(err error) error {
	if err == unix.ESRCH {
		return nil
	}
	return err
}

func (t *tracer) resume(tid, signal int) error {
	if t.every {
		return unix.PtraceSyscall(tid, signal)
	}
	return unix.PtraceCont(tid, signal)
}

func (t *tracer) stopped(tid int, th *thread, status unix.WaitStatus) error {
	signal := int(status.StopSignal())
	switch {
	case signal == int(unix.SIGTRAP)|0x80:
		if err := t.call(tid, th); err != nil {
			return err
		}
		// What is in a call that is to fail has to be seen at its exit.
		if th.result != 0 {
			return unix.PtraceSyscall(tid, 0)
		}
		return t.resume(tid, 0)
	case signal == int(unix.SIGTRAP) && status.TrapCause() > 0:
		return t.event(tid, th, status.TrapCause())
	case !th.started && signal == int(unix.SIGSTOP):
		th.started = true
		return t.resume(tid, 0)
	}
	return t.resume(tid, signal)
}

// event is a clone, or an execve that has succeeded.
func (t *tracer) event(tid int, th *thread, cause int) error {
	message, err := unix.PtraceGetEventMsg(tid)
	if err != nil {
		return err
	}
	if cause != unix.PTRACE_EVENT_EXEC {
		if err := t.born(int(message), th.process); err != nil {
			return err
		}
		return t.resume(tid, 0)
	}
	if int(message) != tid {
		th = t.threads[int(message)] // the thread that called has taken the leader's id
		t.drop(int(message))
		t.add(tid, th)
	}
	th.result = 0
	if t.look != nil {
		if err := t.look(tid, th, nil); err != nil {
			return err
		}
	}
	exe, err := os.Readlink("/proc/" + strconv.Itoa(tid) + "/exe")
	if err != nil {
		return unix.ESRCH
	}
	if ours[filepath.Base(exe)] {
		t.drop(tid)
		return unix.PtraceDetach(tid)
	}
	th.process.role += "*"
	th.process.counts = map[point]int{}
	return t.resume(tid, 0)
}

// ours are the programs that are not part of a runtime: of the containers, hooks.
var ours = map[string]bool{"probe": true, "busybox": true, "sleep": true, "sh": true, "criu": true}

// born makes a new thread or process known.
func (t *tracer) born(tid int, parent *process) error {
	child := &thread{process: parent}
	if unix.Access(fmt.Sprintf("/proc/%d/task/%d", parent.pid, tid), unix.F_OK) != nil {
		parent.children++
		role := "init"
		if parent.role != "runtime" {
			role = parent.role + "."
		}
		child.process = &process{pid: tid, role: role + strconv.Itoa(parent.children), counts: map[point]int{}}
	}
	t.add(tid, child)
	if !t.seen[tid] {
		return nil
	}
	delete(t.seen, tid)
	child.started = true
	return gone(t.resume(tid, 0))
}

// The beginning of struct ptrace_syscall_info (linux/ptrace.h).
type callInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64
	args [6]uint64
}

const (
	ptraceGetSyscallInfo = 0x420e
	opEntry              = 1
)

// call is the entry or the exit of a system call.
func (t *tracer) call(tid int, th *thread) error {
	if th.result != 0 {
		result := th.result
		th.result = 0
		return setResult(tid, result)
	}
	var info callInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return errno
	}
	if info.op != opEntry || info.arch != nativeArch {
		return nil
	}
	if t.look != nil {
		return t.look(tid, th, &info)
	}
	known := calls[int(info.nr)]
	if t.saw == nil && (t.fault == nil || t.hit && !t.fault.Every || known == nil || t.fault.Point.Call != known.name) {
		return nil
	}
	p := point{Role: th.process.role, Call: fmt.Sprint("number ", info.nr)}
	if known != nil {
		p.Call, p.Class = known.name, known.class(tid, info.args, t.name)
	}
	th.process.counts[p]++
	p.N = th.process.counts[p]
	if t.saw != nil {
		t.saw(p)
	}
	if f := t.fault; f != nil && (p == f.Point || f.Every && p.Call == f.Point.Call) {
		return t.serve(tid, th, known)
	}
	return nil
}

// serve does to the call that a thread is about to make what the fault says.
func (t *tracer) serve(tid int, th *thread, known *call) error {
	t.hit = true
	t.every = t.fault.Every
	switch t.fault.Kill {
	case "it":
		return unix.Kill(th.process.pid, unix.SIGKILL)
	case "all":
		t.killTraced()
		return nil
	}
	th.result = -int64(errnos[t.fault.Errno])
	// A descriptor is gone whatever close(2) says.
	if known.name == "close" {
		return nil
	}
	return skipCall(tid)
}
