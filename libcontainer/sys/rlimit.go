package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
)

// SetRlimit sets this process's limit of a resource, see setrlimit(2), without Go's knowledge: what package syscall gives back to the
// processes that it starts is still the caller's soft limit on open files.
func SetRlimit(resource int, limit unix.Rlimit) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(resource), uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	return fault.Call("prlimit", errno)
}
