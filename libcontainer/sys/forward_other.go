//go:build !amd64 && !arm64

package sys

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// ForwardSignals makes this process pass signals on to the process of pidfd
// until stop is called, which has to be before pidfd is closed.
func ForwardSignals(pidfd int) (stop func()) {
	return handle(forwardable(), func(s unix.Signal) { unix.PidfdSendSignal(pidfd, s, nil, 0) })
}

// NotifyResize makes eventfd readable whenever the size of this process's
// terminal has changed or its settings may have, until stop is called, which
// has to be before eventfd is closed.
func NotifyResize(eventfd int) (stop func()) {
	return handle(resizing(), func(unix.Signal) { unix.Write(eventfd, []byte{1, 1, 1, 1, 1, 1, 1, 1}) })
}

// handle calls f for each of the signals that comes.
func handle(signals []unix.Signal, f func(unix.Signal)) (stop func()) {
	caught := make(chan os.Signal, 64)
	for _, s := range signals {
		signal.Notify(caught, s)
	}
	go func() {
		for s := range caught {
			f(s.(unix.Signal))
		}
	}()
	return func() {
		signal.Stop(caught)
		close(caught)
	}
}
