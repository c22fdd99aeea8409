package raw

import (
	_ "unsafe" // for go:linkname

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

// Pin keeps the calling goroutine on its thread, without being preempted, until Unpin.
// A process that is cloned has that thread alone: there a goroutine that gives way,
// because somebody has asked it to before, waits for another thread for ever. Without
// the runtime it does nothing.
//
//go:nosplit
func Pin() {
	if !absent {
		pinBeside()
	}
}

// Unpin undoes Pin.
//
//go:nosplit
func Unpin() {
	if !absent {
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
