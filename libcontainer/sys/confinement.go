package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Confinement is what a process takes on when nothing but execve is left to do:
// with it Go's runtime might not live.
type Confinement struct {
	Limits []Limit
	Filter []unix.SockFilter // nil: none
	Flags  uint32            // of the filter
}

// Limit is one call of prlimit(2).
type Limit struct {
	Name     string // RLIMIT_NOFILE
	Resource int
	Limit    unix.Rlimit
}

// limit sets the limits. It returns how many were set before the error.
//
//go:nosplit
//go:norace
func (c *Confinement) limit() (int, unix.Errno) {
	for i := 0; i < len(c.Limits); i++ {
		limit := &c.Limits[i]
		_, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(limit.Resource), uintptr(unsafe.Pointer(&limit.Limit)), 0, 0, 0)
		if errno != 0 {
			return i, errno
		}
	}
	return len(c.Limits), 0
}

// load loads the filter, if there is one.
//
//go:nosplit
//go:norace
func (c *Confinement) load() unix.Errno {
	if len(c.Filter) == 0 {
		return 0
	}
	prog := unix.SockFprog{Len: uint16(len(c.Filter)), Filter: &c.Filter[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(c.Flags), uintptr(unsafe.Pointer(&prog)))
	return errno
}

// execve replaces the process. It returns only if that fails.
//
//go:nosplit
//go:norace
func (p *Program) execve() unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.path)),
		uintptr(unsafe.Pointer(&p.argv[0])), uintptr(unsafe.Pointer(&p.envv[0])))
	return errno
}
