package sys

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// What signals do, for the handlers. They write caught before they read catching
// and forwardTo; code that changes those looks at caught afterwards: so no signal is
// lost between the two.
var (
	forwardTo int32 = -1 // pidfd of the process that is signalled
	catching  int32      // not 0: with SIGKILL
	caught    int32      // the last signal that came
)

// ending are the signals that another process can mean for this process or a
// container, and whose default is to end: not those about the receiver's own state (a
// fault, a child, a stop) nor the one with which Go interrupts its threads (SIGURG).
// SIGABRT is how systemd's watchdog asks for a core.
func ending() []unix.Signal {
	signals := []unix.Signal{unix.SIGABRT, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGALRM, unix.SIGVTALRM, unix.SIGIO, unix.SIGPWR}
	const realtimeMin, realtimeMax = 34, 64 // 32 and 33 belong to C libraries
	for s := unix.Signal(realtimeMin); s <= realtimeMax; s++ {
		signals = append(signals, s)
	}
	return signals
}

// passable are further signals that a container may get: what this process gets of
// them does not mean that it should exit.
func passable() []unix.Signal { return []unix.Signal{unix.SIGCONT, unix.SIGPIPE} }

// resizing are the signals after which a terminal has to be looked at again.
// SIGCONT is among them because a shell changes the settings of a terminal
// whose program has stopped.
func resizing() []unix.Signal { return []unix.Signal{unix.SIGWINCH, unix.SIGCONT} }

// CatchSignals begins a piece of work that a signal must not leave half done. Until
// PassSignals one that would end this process kills the Victim instead, and shows in
// Caught: the code at work sees the one or the other, and undoes what was made. Signals
// that the caller ignores stay ignored.
func CatchSignals() {
	if atomic.LoadInt32(&catching) != 0 {
		return
	}
	atomic.StoreInt32(&forwardTo, -1)
	atomic.StoreInt32(&caught, 0)
	atomic.StoreInt32(&catching, 1)
	catchEnding()
}

// Victim names the process that this one waits for, by pidfd; -1 is none. A signal
// kills it from now on, and one that was caught before does so now. The former one is
// returned.
func Victim(pidfd int) (former int) {
	former = int(atomic.SwapInt32(&forwardTo, int32(pidfd)))
	if pidfd >= 0 && Caught() != 0 {
		unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	return former
}

// Forget is to be called before a pidfd is closed: no signal reaches it any more.
func Forget(pidfd int) { atomic.CompareAndSwapInt32(&forwardTo, int32(pidfd), -1) }

// Caught is the signal that has come since CatchSignals and before PassSignals, 0 if
// there was none.
func Caught() unix.Signal {
	if atomic.LoadInt32(&catching) == 0 {
		return 0
	}
	return unix.Signal(atomic.LoadInt32(&caught))
}

// TakeCaught is Caught, and forgets it: the next victim lives until another comes.
func TakeCaught() unix.Signal {
	s := Caught()
	if s != 0 {
		atomic.StoreInt32(&caught, 0)
	}
	return s
}

// PassSignals ends what CatchSignals began: from now on signals go on to the process
// of pidfd, until Forget, or if that is -1 nowhere. If it is false one was caught
// before, and the work is not done.
func PassSignals(pidfd int) bool {
	atomic.StoreInt32(&forwardTo, int32(pidfd))
	atomic.StoreInt32(&catching, 0)
	if atomic.LoadInt32(&caught) != 0 {
		atomic.StoreInt32(&catching, 1)
		return false
	}
	if pidfd >= 0 {
		passAll()
	}
	return true
}
