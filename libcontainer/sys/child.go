package sys

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Child is a process that executes a program under limits and a filter that its
// parent, this process, does not have yet.
type Child struct {
	Confinement
	Program *Program
	Stdio   [3]int // close-on-exec descriptors above 2, its standard streams

	report int
	failed [childReport]byte // stage, number within it, errno
}

const childReport = 12

// Stages of a child, for its report.
const (
	childStdio = iota
	childLimits
	childFilter
	childProgram
)

// Start starts the process, as the leader of a process group, and returns its
// pid once it has executed the program. On error it is gone.
func (c *Child) Start() (int, error) {
	c.prepare()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(ends[0])
	c.report = ends[1]
	pid, errno := c.fork()
	runtime.KeepAlive(c)
	unix.Close(ends[1])
	if errno != 0 {
		return 0, os.NewSyscallError("clone", errno)
	}
	report, err := ReadAll(ends[0], childReport)
	if err == nil && len(report) == 0 {
		return pid, nil // the end of the pipe: it has executed
	}
	if err == nil {
		err = c.failure(report)
	}
	unix.Kill(pid, unix.SIGKILL)
	reap(pid)
	return 0, err
}

func (c *Child) failure(report []byte) error {
	if len(report) != childReport {
		return fmt.Errorf("malformed report of %d bytes", len(report))
	}
	number, errno := binary.LittleEndian.Uint32(report[4:]), unix.Errno(binary.LittleEndian.Uint32(report[8:]))
	switch binary.LittleEndian.Uint32(report) {
	case childStdio:
		return os.NewSyscallError("dup3", errno)
	case childLimits:
		return fmt.Errorf("error setting rlimit %s: %w", c.Limits[number].Name, errno)
	case childFilter:
		return os.NewSyscallError("seccomp", errno)
	}
	return errno
}

// fork is in the child what never returns.
//
//go:noinline
//go:norace
func (c *Child) fork() (int, unix.Errno) {
	beforeFork()
	pid, errno := rawClone(0, 0)
	if errno != 0 || pid != 0 {
		afterFork()
		return int(pid), errno
	}
	afterForkInChild()
	c.child()
	return 0, 0 // not reached
}

//go:nosplit
//go:norace
func (c *Child) child() {
	unix.RawSyscall(unix.SYS_SETPGID, 0, 0, 0)
	for fd := 0; fd < len(c.Stdio); fd++ {
		if _, _, errno := unix.RawSyscall(unix.SYS_DUP3, uintptr(c.Stdio[fd]), uintptr(fd), 0); errno != 0 {
			c.fail(childStdio, 0, errno)
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
	putLittle(c.failed[:], 0, stage)
	putLittle(c.failed[:], 4, number)
	putLittle(c.failed[:], 8, uint32(errno))
	unix.RawSyscall(unix.SYS_WRITE, uintptr(c.report), uintptr(unsafe.Pointer(&c.failed)), childReport)
	exitRaw(1)
}

func reap(pid int) { retry.Wait4(pid, nil, 0) }
