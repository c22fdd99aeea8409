package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Die ends a process that is under a filter by which exit_group(2) returns. Where
// kill(2) does, too, or has no effect on the first process of a pid namespace, a
// fault whose signal is blocked ends it all the same.
func Die() {
	unix.RawSyscall(unix.SYS_KILL, uintptr(unix.Getpid()), uintptr(unix.SIGKILL), 0)
	all := ^uint64(0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), 0, unsafe.Sizeof(all), 0, 0)
	for {
		*nowhere = 0
	}
}

var nowhere *int
