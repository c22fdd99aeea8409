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

// number reads a descriptor's number, -1 if it is none.
func number(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		digit := text[i] - '0'
		if digit > 9 || n > 1<<24 {
			return -1
		}
		n = n*10 + int(digit)
	}
	return n
}

//lint:ignore U1000 only declared
func callable()
