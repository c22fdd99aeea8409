package initproc

import (
	"os"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// init takes over a process that was started to be a container's init. It runs
// before main, and before what init has no use for is initialised (Go does
// that in the order of import paths, dependencies first: the command line's
// libraries come after this package). That saves a tenth of init's start. And
// init functions run on the main thread and keep it, which is what init needs
// and would cost another thread later (runtime.LockOSThread).
//
// If the order were another, this would only be slower.
func init() {
	if len(os.Args) > 0 && os.Args[0] == Name {
		os.Exit(run())
		sys.Die() // the container's filter does not let us exit
	}
}
