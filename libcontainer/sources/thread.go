package sources

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/rtstart"
)

// Thread runs functions on a thread of its own, which takes along what it has
// joined and unshared when it ends.
type Thread struct {
	work chan func() error
	done chan error
}

// NewThread starts one.
func NewThread() *Thread {
	t := &Thread{make(chan func() error), make(chan error)}
	go func() {
		runtime.LockOSThread() // never unlocked
		rtstart.Unpin()        // CRIU inherits it, and all that it restores
		for do := range t.work {
			t.done <- do()
		}
	}()
	return t
}

// Do runs a function on it.
func (t *Thread) Do(do func() error) error {
	t.work <- do
	return <-t.done
}

// End ends it.
func (t *Thread) End() { close(t.work) }

// OnThread runs one function on such a thread.
func OnThread(do func() error) error {
	t := NewThread()
	defer t.End()
	return t.Do(do)
}

// Separate gives this thread a mount namespace of its own, of which the host
// sees nothing. What is mounted in it goes with it: nothing has to be unmounted.
func Separate() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return &os.PathError{Op: "mount", Path: "/", Err: err}
	}
	return nil
}
