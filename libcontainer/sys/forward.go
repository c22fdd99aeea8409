package sys

import "golang.org/x/sys/unix"

// forwardable are the signals that somebody outside may mean for a container:
// not those about the receiver's own state (a fault, a child, a stop) nor the
// one with which Go interrupts its threads (SIGURG). SIGABRT is how systemd's
// watchdog asks for a core.
func forwardable() []unix.Signal {
	signals := []unix.Signal{unix.SIGABRT, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGALRM, unix.SIGVTALRM, unix.SIGCONT, unix.SIGPIPE, unix.SIGIO, unix.SIGPWR}
	const realtimeMin, realtimeMax = 34, 64 // 32 and 33 belong to C libraries
	for s := unix.Signal(realtimeMin); s <= realtimeMax; s++ {
		signals = append(signals, s)
	}
	return signals
}

// resizing are the signals after which a terminal has to be looked at again.
// SIGCONT is among them because a shell changes the settings of a terminal
// whose program has stopped.
func resizing() []unix.Signal { return []unix.Signal{unix.SIGWINCH, unix.SIGCONT} }
