// Command crun-go is an OCI container runtime for Linux.
//
// The same binary is a container's init. Such a process never comes to main:
// package initproc takes it over while packages are still being initialised.
//
// The Go runtime is told not to look for the CPU limits of its cgroup: it
// would read cgroup files and all of mountinfo at every start, for a process
// that lives milliseconds.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"github.com/crun-go/crun-go/libcontainer/cli"
	_ "github.com/crun-go/crun-go/libcontainer/initproc"
)

// Set by the linker.
var (
	version = "0.1.0-dev"
	commit  = ""
)

func main() { os.Exit(cli.Main(os.Args, version, commit)) }
