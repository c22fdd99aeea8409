package raw

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Clone is clone(2) of a process that shares no memory with this one, and goes on
// here with a copy of its stack. With CLONE_PIDFD in flags pidfd gets one.
//
//go:nosplit
func Clone(flags uintptr, pidfd *int32) (int, unix.Errno) {
	first, second := flags, uintptr(0)
	if runtime.GOARCH == "s390x" { // where the stack comes first
		first, second = second, first
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_CLONE, first, second, uintptr(unsafe.Pointer(pidfd)), 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), 0
}

// Execve is execve(2). The arrays end with nil. It returns only if it fails.
func Execve(path string, argv, envp []*byte) unix.Errno {
	var p cPath
	if !p.set(path) {
		return badPath(path)
	}
	_, errno := Call(unix.SYS_EXECVE, uintptr(unsafe.Pointer(&p)), uintptr(unsafe.Pointer(unsafe.SliceData(argv))),
		uintptr(unsafe.Pointer(unsafe.SliceData(envp))), 0, 0, 0)
	return errno
}

// Exit is exit_group(2), which a filter may refuse.
func Exit(code int) { unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(code), 0, 0) }

// Setsid is setsid(2).
func Setsid() unix.Errno {
	_, errno := Call(unix.SYS_SETSID, 0, 0, 0, 0, 0, 0)
	return errno
}

// Now is the time of the host's clock, CLOCK_REALTIME, in nanoseconds.
func Now() int64 {
	var now unix.Timespec
	Call(unix.SYS_CLOCK_GETTIME, unix.CLOCK_REALTIME, uintptr(unsafe.Pointer(&now)), 0, 0, 0, 0)
	return now.Nano()
}

// ShareWord is mmap(2) of the first four bytes of a file, shared with other mappings and
// readers of the file; nil if that is not possible.
func ShareWord(fd int) *uint32 {
	address, errno := Call(unix.SYS_MMAP, 0, unsafe.Sizeof(uint32(0)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED, uintptr(fd), 0)
	if errno != 0 {
		return nil
	}
	return (*uint32)(pointer(address))
}

// UnshareWord is munmap(2) of what ShareWord has returned.
func UnshareWord(word *uint32) {
	Call(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(word)), unsafe.Sizeof(*word), 0, 0, 0, 0)
}

// Memory is mmap(2) of so many private bytes; nil with an errno.
func Memory(size int) ([]byte, unix.Errno) {
	trap, unit := uintptr(unix.SYS_MMAP), uintptr(0)
	address, errno := Call(trap, 0, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), unit)
	if errno != 0 {
		return nil, errno
	}
	return unsafe.Slice((*byte)(pointer(address)), size), 0
}

// Unmap is munmap(2) of what Memory has returned, or the pages at its beginning.
func Unmap(memory []byte) {
	Call(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(unsafe.SliceData(memory))), uintptr(len(memory)), 0, 0, 0, 0)
}

// pointer is the address of memory that is not Go's.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
