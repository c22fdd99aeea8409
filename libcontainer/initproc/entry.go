//go:build amd64 || arm64

package initproc

import (
	_ "unsafe" // for go:linkname

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// bare is where an init begins, called by the program's entry, without Go's runtime.
//
//go:linkname bare crungo.bare
func bare(socket *byte) {
	raw.NoRuntime()
	raw.Exit(take(number(raw.StringAt(socket))))
	sys.Die() // the container's filter does not let us exit
}

//lint:ignore U1000 only declared
func callable()
