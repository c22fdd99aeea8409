//go:build !amd64 && !arm64

package sys

import (
	"os"
	"os/signal"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// catchEnding has a goroutine do what is a signal handler's work where there is one.
func catchEnding() {
	var signals []unix.Signal
	for _, s := range ending() {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	handle(signals, forward)
}

// passAll handles also the signals that are forwarded to a container.
func passAll() {
	signals := passable()
	for _, s := range ending() {
		if signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	handle(signals, forward)
}

func forward(s unix.Signal) {
	passable := s == unix.SIGCONT || s == unix.SIGPIPE // no wish to end anything
	if !passable {
		atomic.StoreInt32(&caught, int32(s))
	}
	if atomic.LoadInt32(&catching) != 0 {
		if passable {
			return
		}
		s = unix.SIGKILL
	}
	unix.PidfdSendSignal(int(atomic.LoadInt32(&forwardTo)), s, nil, 0)
}

// NotifyResize makes eventfd readable whenever the size of this process's
// terminal has changed or its settings may have, until stop is called, which
// has to be before eventfd is closed.
func NotifyResize(eventfd int) (stop func()) {
	return handle(resizing(), func(unix.Signal) { retry.Write(eventfd, []byte{1, 1, 1, 1, 1, 1, 1, 1}) })
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
