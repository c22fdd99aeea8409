//go:build amd64 || arm64

package sys

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forwardTo is the pidfd that the handler passes signals on to.
var forwardTo int32 = -1

// resizeTo is the eventfd that is told of a resize.
var resizeTo int32 = -1

// handlers returns the addresses of the handlers: forward passes its signal on
// to forwardTo, resized tells resizeTo of it and passes SIGCONT on. And of what
// they return to.
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
)

// ForwardSignals makes this process pass signals on to the process of pidfd
// until stop is called, which has to be before pidfd is closed.
//
// The signal handler itself does, with the one system call pidfd_send_signal:
// package os/signal would start three threads, which costs a short container
// more than all its mounts.
func ForwardSignals(pidfd int) (stop func()) {
	atomic.StoreInt32(&forwardTo, int32(pidfd))
	forward, _, restorer := handlers()
	restore := handle(forwardable(), forward, restorer)
	return func() {
		restore()
		atomic.StoreInt32(&forwardTo, -1)
	}
}

// NotifyResize makes eventfd readable whenever the size of this process's
// terminal has changed or its settings may have, until stop is called, which
// has to be before eventfd is closed and before ForwardSignals's.
func NotifyResize(eventfd int) (stop func()) {
	atomic.StoreInt32(&resizeTo, int32(eventfd))
	_, resized, restorer := handlers()
	restore := handle(resizing(), resized, restorer)
	return func() {
		restore()
		atomic.StoreInt32(&resizeTo, -1)
	}
}

// handle sets the handler of signals. What it returns puts back the old ones.
func handle(signals []unix.Signal, handler, restorer uintptr) (restore func()) {
	action := kernelSigaction{handler: handler, flags: saOnStack | saRestart | saRestorer, restorer: restorer, mask: ^uint64(0)}
	before := make([]kernelSigaction, len(signals))
	for i, s := range signals {
		sigaction(s, &action, &before[i])
	}
	return func() {
		for i, s := range signals {
			sigaction(s, &before[i], nil)
		}
	}
}

// sigaction can't fail: the signals may all be caught.
func sigaction(s unix.Signal, action, before *kernelSigaction) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)),
		unsafe.Sizeof(action.mask), 0, 0)
}
