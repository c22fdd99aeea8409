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
	caught := make(chan os.Signal, 64)
	for _, s := range forwardable() {
		signal.Notify(caught, s)
	}
	go func() {
		for s := range caught {
			unix.PidfdSendSignal(pidfd, s.(unix.Signal), nil, 0)
		}
	}()
	return func() { signal.Stop(caught) }
}
