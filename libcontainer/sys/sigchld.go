package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// QuietChildren has the end of a child interrupt nothing: SIGCHLD gets its default
// meaning for this process, which is to be dropped, and wait(2) goes on as before.
// Go's runtime handles it for programs that ask package os/signal for it, as they can
// no longer after this; here it would come several times in each start, always when
// another process waits for what comes next.
func QuietChildren() {
	var defaultAction [4]uint64 // struct sigaction: SIG_DFL
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(&defaultAction)), 0, 8, 0, 0)
}
