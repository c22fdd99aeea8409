// Package nofile remembers the caller's limit on open files.
//
// Go's package syscall raises the soft limit to the hard one when it is
// initialised, which a container must not inherit: programs that loop over all
// possible descriptors would loop for long, and ones using select(2) break. Go
// gives the old value back only to children it starts itself.
//
// This package is initialised before syscall, because Go initialises packages
// in the order of their import paths as soon as their dependencies are, and
// this one has none. A test holds it to that.
package nofile

// Soft and Hard are what the limits were when the process started. They are
// equal (and possibly zero) where this architecture has no code for it.
var Soft, Hard uint64

func init() {
	var limit [2]uint64 // struct rlimit64
	if getrlimit(&limit) == 0 {
		Soft, Hard = limit[0], limit[1]
	}
}
