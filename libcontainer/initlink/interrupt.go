package initlink

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// InterruptedError means that a signal has ended the command before what it makes
// was there: it is taken back.
type InterruptedError struct{ Signal unix.Signal }

func (e *InterruptedError) Error() string {
	name := unix.SignalName(e.Signal)
	if name == "" {
		name = "SIGRTMIN+" + fmt.Sprint(int(e.Signal)-34)
	}
	return "interrupted by " + name
}

// Interrupted is an error if a signal was caught (sys.CatchSignals).
func Interrupted() error {
	if sig := sys.Caught(); sig != 0 {
		return &InterruptedError{sig}
	}
	return nil
}

// Interruption is the reason of an error: the signal, if one was caught. What is done
// to take back the work is not ended by it.
func Interruption(err error) error {
	if sig := sys.TakeCaught(); sig != 0 {
		return &InterruptedError{sig}
	}
	return err
}
