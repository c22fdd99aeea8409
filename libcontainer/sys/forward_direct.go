//go:build amd64 || arm64

package sys

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// resizeTo is the eventfd that is written to at a resize.
var resizeTo int32 = -1

// handlers returns the addresses of the handlers: forward notes its signal in caught
// and sends it to forwardTo, or SIGKILL while catching is set; resized writes to resizeTo
// and passes SIGCONT on. And of what they return to.
func handlers() (forward, resized, restorer uintptr)

// kernelSigaction is struct sigaction as rt_sigaction(2) takes it.
type kernelSigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	saRestorer = 0x04000000
	saOnStack  = 0x08000000
	saRestart  = 0x10000000

	sigIgn = 1 // SIG_IGN
)

// ignored are signals that the caller ignores: a set by number.
var ignored uint64

// catchEnding has the signal handler itself act, with the one system call
// pidfd_send_signal: package os/signal would start three threads, which costs a short
// container more than all its mounts.
func catchEnding() {
	forward, _, restorer := handlers()
	signals := ending()
	for i, before := range handle(signals, forward, restorer) {
		if before.handler == sigIgn {
			sigaction(signals[i], &before, nil)
			ignored |= 1 << (signals[i] - 1)
		}
	}
}

// passAll handles also the signals that are forwarded to a container. That of a
// terminal has a handler of its own.
func passAll() {
	forward, resized, restorer := handlers()
	signals := passable()
	for _, s := range ending() {
		if ignored&(1<<(s-1)) != 0 {
			signals = append(signals, s)
		}
	}
	for i, before := range handle(signals, forward, restorer) {
		if before.handler == resized {
			sigaction(signals[i], &before, nil)
		}
	}
}

// NotifyResize makes eventfd readable whenever the size of this process's
// terminal has changed or its settings may have, until stop is called, which
// has to be before eventfd is closed.
func NotifyResize(eventfd int) (stop func()) {
	atomic.StoreInt32(&resizeTo, int32(eventfd))
	_, resized, restorer := handlers()
	signals := resizing()
	before := handle(signals, resized, restorer)
	return func() {
		for i, s := range signals {
			sigaction(s, &before[i], nil)
		}
		atomic.StoreInt32(&resizeTo, -1)
	}
}

// handle sets the handler of signals, and returns the old ones.
func handle(signals []unix.Signal, handler, restorer uintptr) []kernelSigaction {
	action := kernelSigaction{handler: handler, flags: saOnStack | saRestart | saRestorer, restorer: restorer, mask: ^uint64(0)}
	before := make([]kernelSigaction, len(signals))
	for i, s := range signals {
		sigaction(s, &action, &before[i])
	}
	return before
}

// sigaction can't fail: the signals may all be caught.
func sigaction(s unix.Signal, action, before *kernelSigaction) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)),
		unsafe.Sizeof(action.mask), 0, 0)
}
