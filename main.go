// Command crun-go is an OCI container runtime for Linux.
//
// The same binary is a container's init. Such a process never comes to main:
// package initproc takes it over while packages are still being initialised.
//
// The Go runtime is told not to follow the CPU limit of its cgroup: it would keep
// files of the cgroup open, and that is of no use to a process that lives
// milliseconds.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"github.com/crun-go/crun-go/libcontainer/cli"
	_ "github.com/crun-go/crun-go/libcontainer/initproc"
)

// Set by make, through the linker. Without, cli asks the binary's build information.
var version, commit string

// init does the work: until main the goroutine is locked to the main thread. That
// is where parent death signals, CPU affinity and the caller's timer slack belong
// to, and to lock it later would take another thread (runtime.LockOSThread).
func init() { os.Exit(cli.Main(os.Args, version, commit)) }

func main() {}
