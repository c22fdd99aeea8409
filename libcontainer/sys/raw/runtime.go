package raw

import (
	"unsafe" // for go:linkname, too

	"golang.org/x/sys/unix"
)

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

// Pin keeps the calling goroutine on its thread, without being preempted, and blocks all
// signals, until Unpin. A process that is cloned has that thread alone: there a goroutine
// that yields, because it was asked to before, waits for another thread for ever. Without the runtime it does nothing. It returns the mask of signals.
func Pin() (mask uint64) {
	if absent {
		return 0
	}
	pinBeside()
	all := ^uint64(0)
	Call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&mask)), sizeofSignalSet, 0, 0)
	return mask
}

// Unpin undoes Pin, whose mask it is given. A cloned process gets its signals back, and
// stays pinned.
func Unpin(mask uint64, cloned bool) {
	if absent {
		return
	}
	Call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, sizeofSignalSet, 0, 0)
	if !cloned {
		unpinBeside()
	}
}

// pinBeside and unpinBeside are only called where Go's runtime is.
//
//go:noinline
//go:nosplit
func pinBeside() { procPin() }

//go:noinline
//go:nosplit
func unpinBeside() { procUnpin() }

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()
