package spawn

import (
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

// These two keep the Go runtime sane around a fork: signals are blocked, and
// growing the stack in the child is a crash instead of a corruption. They are
// what syscall.ForkExec itself uses. It has the child take back Go's signal handlers,
// too, one by one; that CLONE_CLEAR_SIGHAND does.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

// cloneArgs is struct clone_args of clone3(2), up to the cgroup field
// (CLONE_ARGS_SIZE_VER2, Linux 5.7).
type cloneArgs struct {
	flags      uint64
	pidfd      uint64
	childTID   uint64
	parentTID  uint64
	exitSignal uint64
	stack      uint64
	stackSize  uint64
	tls        uint64
	setTID     uint64
	setTIDSize uint64
	cgroup     uint64
}

const sizeofCloneArgs = 88

// The raw child may do nothing but system calls, and only through functions that
// neither allocate, which tests/bare sees to, nor grow the stack, the linker's part.

//go:nosplit
func call(trap, a1, a2, a3 uintptr) (uintptr, unix.Errno) {
	r, _, errno := unix.RawSyscall(trap, a1, a2, a3)
	return r, errno
}

//go:nosplit
func call6(trap, a1, a2, a3, a4, a5, a6 uintptr) (uintptr, unix.Errno) {
	r, _, errno := unix.RawSyscall6(trap, a1, a2, a3, a4, a5, a6)
	return r, errno
}
