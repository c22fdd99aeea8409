package sys

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Last is what a cloned process does before it executes the container's
// program: system calls only, as little as possible, because those who live in
// its pid namespace see it and may be allowed to trace it.
type Last struct {
	Confinement
	Program  *Program
	Terminal bool // standard input becomes the controlling terminal

	// Socket is close-on-exec. The process reads one byte from it before it
	// does anything, and ends if there is none. If something fails it writes
	// Report with two numbers at its end, little endian: which step, and errno.
	Socket int
	Report []byte
	// The steps by the numbers that a report has.
	SessionStep, LimitsStep, FilterStep, ProgramStep uint32
	// Refusals are what the process writes to its own standard error if execve(2) refuses the program, by errno. It then
	// ends with exit code 255. Empty: nothing, and 1.
	Refusals []Refusal

	go1   [1]byte
	pidfd int32
}

// Refusal is a line about one errno.
type Refusal struct {
	Errno unix.Errno
	Line  []byte
}

// Refusals are the lines about all that execve(2) answers, each after a prefix.
func Refusals(prefix string) []Refusal {
	var all []Refusal
	for errno := unix.Errno(1); errno < 200; errno++ {
		if words := RefusalWords(errno); words != anyRefusal {
			all = append(all, Refusal{errno, []byte(prefix + words + "\n")})
		}
	}
	return append(all, Refusal{0, []byte(prefix + anyRefusal + "\n")}) // any other
}

// Clone makes the process, in the pid namespace that this thread has joined for
// its children. It is a child of this process's parent. A pidfd of it is
// returned: its number would mean something else to the parent.
func (l *Last) Clone() (int, error) {
	_, errno := l.fork()
	runtime.KeepAlive(l)
	if errno != 0 {
		return -1, os.NewSyscallError("clone", errno)
	}
	return int(l.pidfd), nil
}

// fork is in the child what never returns.
//
//go:noinline
//go:norace
func (l *Last) fork() (uintptr, unix.Errno) {
	beforeFork()
	pid, errno := rawClone(unix.CLONE_PARENT|unix.CLONE_PIDFD, uintptr(unsafe.Pointer(&l.pidfd)))
	if errno != 0 || pid != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	l.child()
	return 0, 0 // not reached
}

//go:nosplit
//go:norace
func (l *Last) child() {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(l.Socket), uintptr(unsafe.Pointer(&l.go1)), 1)
	for errno == unix.EINTR {
		n, _, errno = unix.RawSyscall(unix.SYS_READ, uintptr(l.Socket), uintptr(unsafe.Pointer(&l.go1)), 1)
	}
	if errno != 0 {
		l.fail(l.SessionStep, errno)
	}
	if n != 1 {
		exitRaw(1) // the runtime is gone
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETSID, 0, 0, 0); errno != 0 {
		l.fail(l.SessionStep, errno)
	}
	if l.Terminal {
		if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0); errno != 0 {
			l.fail(l.SessionStep, errno)
		}
	}
	if _, errno := l.limit(); errno != 0 {
		l.fail(l.LimitsStep, errno)
	}
	if errno := l.load(); errno != 0 {
		l.fail(l.FilterStep, errno)
	}
	errno = l.Program.execve()
	l.report(l.ProgramStep, errno)
	if len(l.Refusals) > 0 {
		l.complain(errno)
		exitRaw(255)
	}
	exitRaw(1)
}

// complain tells who reads the process's output that the program is refused. They
// may let it wait, or end it, so it comes after the report.
//
//go:nosplit
//go:norace
func (l *Last) complain(errno unix.Errno) {
	for i := range l.Refusals {
		r := &l.Refusals[i]
		if r.Errno != errno && r.Errno != 0 {
			continue
		}
		unix.RawSyscall(unix.SYS_WRITE, 2, uintptr(unsafe.Pointer(&r.Line[0])), uintptr(len(r.Line)))
		return
	}
}

// fail reports and ends the process.
//
//go:nosplit
//go:norace
func (l *Last) fail(step uint32, errno unix.Errno) {
	l.report(step, errno)
	exitRaw(1)
}

// report writes Report.
//
//go:nosplit
//go:norace
func (l *Last) report(step uint32, errno unix.Errno) {
	at := len(l.Report) - 8
	putLittle(l.Report, at, step)
	putLittle(l.Report, at+4, uint32(errno))
	unix.RawSyscall(unix.SYS_WRITE, uintptr(l.Socket), uintptr(unsafe.Pointer(&l.Report[0])), uintptr(len(l.Report)))
}

//go:nosplit
//go:norace
func putLittle(b []byte, at int, v uint32) {
	for i := 0; i < 4; i++ {
		b[at+i] = byte(v >> (8 * i))
	}
}

//go:nosplit
//go:norace
func exitRaw(code uintptr) {
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, code, 0, 0)
	}
}
