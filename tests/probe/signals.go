package main

import "fmt"

// What a process inherits of signals, the Go runtime changes before any Go
// code runs: it installs handlers, over ignored signals too. So the probe is
// linked with an entry point of its own (build), a few instructions of assembly
// that ask the kernel and go on to Go's.
var (
	ignored uint64 // signals whose action is SIG_IGN; bit 0 is signal 1
	blocked uint64 // the signal mask
	asked   bool   // the entry point ran
)

// signals shows both sets as /proc/PID/status does, empty without an answer.
func signals() map[string]string {
	if !asked {
		return map[string]string{}
	}
	return map[string]string{"ignored": fmt.Sprintf("%016x", ignored), "blocked": fmt.Sprintf("%016x", blocked)}
}
