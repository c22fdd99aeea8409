// Command crun-go is an OCI container runtime for Linux.
package main

import (
	"os"
	"runtime"

	"github.com/crun-go/crun-go/libcontainer/cli"
	"github.com/crun-go/crun-go/libcontainer/initproc"
)

// Set by the linker.
var (
	version = "0.1.0-dev"
	commit  = ""
)

// The main thread is the one that forks init (parent death signals follow the
// thread) and, as init, the one that becomes the container's process.
func init() { runtime.LockOSThread() }

func main() {
	if os.Args[0] == initproc.Name {
		os.Exit(initproc.Main())
	}
	os.Exit(cli.Main(os.Args, version, commit))
}
