package sys

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Child is a process that executes a program under limits and a filter that its
// parent, this process, does not have yet.
type Child struct {
	Confinement
	Program *Program
	Dir     int      // descriptor of its working directory; 0: this process's
	Stdio   [3]int32 // close-on-exec descriptors above 2, its standard streams

	report        int32
	failed        [childReport / 4]uint32 // stage, number within it, errno
	defaultAction [4]uint64               // struct sigaction: SIG_DFL
}

const (
	childReport     = 12
	sizeofSignalSet = 8
)

// Stages of a child, for its report.
const (
	childStdio = iota
	childDir
	childLimits
	childFilter
	childProgram
)

// Start starts the process, as the leader of a process group, and returns its
// pid once it has executed the program. On error it is gone. The words of an error
// are the kernel's alone if it is the program that could not be executed.
func (c *Child) Start() (int, error) {
	var ends [2]int32
	if errno := raw.Pipe(&ends, unix.O_CLOEXEC); errno != 0 {
		return 0, fault.Call("pipe2", errno)
	}
	c.report = ends[1]
	pid, errno := c.fork()
	runtime.KeepAlive(c)
	raw.Close(int(ends[1]))
	if errno != 0 {
		raw.Close(int(ends[0]))
		return 0, fault.Call("clone", errno)
	}
	n, err := c.readReport(int(ends[0]))
	raw.Close(int(ends[0]))
	if err == nil && n == 0 {
		return pid, nil // the end of the pipe: it has executed
	}
	if err == nil {
		err = c.failure(n)
	}
	raw.Kill(pid, unix.SIGKILL)
	raw.Wait4(pid, nil, 0)
	return 0, err
}

// readReport reads up to the end of the pipe into failed.
func (c *Child) readReport(fd int) (n int, err error) {
	for n < childReport {
		m, errno := raw.Read(fd, codec.Bytes(c.failed[:])[n:])
		if errno != 0 {
			return n, fault.Call("read", errno)
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

func (c *Child) failure(size int) *fault.Fault {
	stage, number, errno := c.failed[0], c.failed[1], unix.Errno(c.failed[2])
	switch {
	case size != childReport || stage == childLimits && int(number) >= len(c.Limits):
		return fault.New(0, "malformed report of %d bytes").Num(int64(size))
	case stage == childStdio:
		return fault.New(errno, "dup3")
	case stage == childDir:
		return fault.New(errno, "fchdir")
	case stage == childLimits:
		return fault.New(errno, "error setting rlimit %s").Str(c.Limits[number].Name)
	case stage == childFilter:
		return fault.New(errno, "seccomp")
	}
	return fault.New(errno, "%e")
}

// fork is in the child what never returns.
//
//go:noinline
//go:norace
func (c *Child) fork() (int, unix.Errno) {
	if raw.HasRuntime() {
		return c.forkBeside()
	}
	pid, errno := raw.Clone(uintptr(unix.SIGCHLD), nil)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	c.child()
	return 0, 0 // not reached
}

// forkBeside is fork where Go's runtime is.
//
//go:noinline
//go:norace
func (c *Child) forkBeside() (int, unix.Errno) {
	beforeFork()
	pid, errno := raw.Clone(uintptr(unix.SIGCHLD), nil)
	if errno != 0 || pid != 0 {
		afterFork()
		return pid, errno
	}
	afterForkInChild()
	c.child()
	return 0, 0 // not reached
}

//go:nosplit
//go:norace
func (c *Child) child() {
	unix.RawSyscall(unix.SYS_SETPGID, 0, 0, 0)
	// The parent may ignore it.
	raw.Call(unix.SYS_RT_SIGACTION, uintptr(unix.SIGPIPE), uintptr(unsafe.Pointer(&c.defaultAction)), 0, sizeofSignalSet, 0, 0)
	for fd := 0; fd < len(c.Stdio); fd++ {
		if _, errno := raw.Call(unix.SYS_DUP3, uintptr(c.Stdio[fd]), uintptr(fd), 0, 0, 0, 0); errno != 0 {
			c.fail(childStdio, 0, errno)
		}
	}
	if c.Dir > 0 {
		if _, errno := raw.Call(unix.SYS_FCHDIR, uintptr(c.Dir), 0, 0, 0, 0, 0); errno != 0 {
			c.fail(childDir, 0, errno)
		}
	}
	if i, errno := c.limit(); errno != 0 {
		c.fail(childLimits, uint32(i), errno)
	}
	if errno := c.load(); errno != 0 {
		c.fail(childFilter, 0, errno)
	}
	c.fail(childProgram, 0, c.Program.execve())
}

// fail reports and ends the process.
//
//go:nosplit
//go:norace
func (c *Child) fail(stage, number uint32, errno unix.Errno) {
	c.failed[0], c.failed[1], c.failed[2] = stage, number, uint32(errno)
	unix.RawSyscall(unix.SYS_WRITE, uintptr(c.report), uintptr(unsafe.Pointer(&c.failed)), childReport)
	exitRaw(1)
}

//go:nosplit
//go:norace
func exitRaw(code uintptr) {
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, code, 0, 0)
	}
}
