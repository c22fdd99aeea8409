package raw

import "golang.org/x/sys/unix"

// absent: see NoRuntime.
var absent bool

// NoRuntime says that Go's runtime does not run in this process, and never will.
func NoRuntime() { absent = true }

// HasRuntime reports whether Go's runtime runs in this process.
func HasRuntime() bool { return !absent }

// waiting is Call for a call that may wait for long: Go's runtime, if there is one,
// lets others go on meanwhile.
//
//go:nosplit
func waiting(trap, a1, a2, a3, a4, a5, a6 uintptr) (uintptr, unix.Errno) {
	if absent {
		return Call(trap, a1, a2, a3, a4, a5, a6)
	}
	return waitBeside(trap, a1, a2, a3, a4, a5, a6)
}

// waitBeside is only called where Go's runtime is.
//
//go:noinline
//go:nosplit
func waitBeside(trap, a1, a2, a3, a4, a5, a6 uintptr) (uintptr, unix.Errno) {
	for {
		r, _, errno := unix.Syscall6(trap, a1, a2, a3, a4, a5, a6)
		if errno != unix.EINTR {
			return r, errno
		}
	}
}
