// Command probe is what the tests run inside containers to see them from
// within, static so that it needs nothing from the image.
//
//	probe view [PARAMETER...]     the container's view of itself, as JSON, with
//	                              the named kernel parameters (sysctl(8))
//	probe describe [PARAMETER...] what of it is the same in every container of a
//	                              bundle, one fact a line, and whether swapon(2)
//	                              meets a filter
//	probe syscall NR [ARG...]     make one system call, print "NR RESULT"
//	probe syscalls                one line "NR [ARG...]" each on stdin: make it
//	                              in a process of its own, print "NR RESULT"
//	probe watch STOP [FILE...]    look into every other process, and for files below
//	                              its root, until STOP exists
//	probe overwrite               write to the executable of each process from outside
//	probe exchange A B            outside: give two names each other's file, over and over
//	probe stay UID                become a user, and nothing more
//	probe receive SOCKET          outside: accept one connection of a console or
//	                              pidfd socket, print what came, relay a terminal
//	probe agent SOCKET [NR=RESULT...]
//	                              outside: be a seccomp agent that answers calls
//	                              with an errno name, a number or "continue"
//	probe activate SOCKET COMMAND [ARG...]
//	                              outside: become COMMAND, with a listening socket
//	                              as systemd passes one
//	probe serve                   answer one caller of such a socket
//	probe call SOCKET             outside: be that caller, print the answer
//	probe notify MESSAGE...       send to $NOTIFY_SOCKET, with escapes as in Go
//	probe hear SOCKET             outside: be systemd there, print messages
//	                              and whether descriptors came, until BARRIER=1
//	probe faults COMMAND [ARG...]
//	                              outside: run COMMAND, print its page faults
//	probe forbid CALL COMMAND [ARG...]
//	                              outside: become COMMAND, under a filter that ends
//	                              with SIGSYS a caller of sethostname or setgroups;
//	                              of CALL listener, under one with a listener
//	probe hammer NR               make a system call again and again
//	probe pty ACTION... -- COMMAND [ARG...]
//	                              outside: run COMMAND on a terminal, see drive
//
// RESULT is "0", an errno name, "signal NAME" or "blocks".
//
// Go's runtime would distort the view: it raises the limit on open files (see
// limits), replaces signal actions (see signals), and holds files of the cgroup
// open, unless a flag says to ignore them.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
)

func main() {
	runtime.LockOSThread()  // main's own thread: attributes are a thread's
	opened := descriptors() // before anything of ours opens more
	if len(os.Args) < 2 {
		os.Args = append(os.Args, "view")
	}
	var err error
	switch os.Args[1] {
	case "view":
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(look(opened, os.Args[min(2, len(os.Args)):]))
	case "describe":
		_, err = fmt.Println(strings.Join(account(look(opened, os.Args[2:])), "\n"))
	case "syscall":
		err = callOnce(os.Args[2:])
	case "syscalls":
		err = callEach(os.Stdin, os.Stdout)
	case "faults":
		err = faults(os.Args[2:])
	case "forbid":
		err = forbid(os.Args[2], os.Args[3:])
	case "usurp":
		err = usurp(os.Args[2:])
	case "hammer":
		err = hammer(os.Args[2])
	case "pty":
		var code int
		if code, err = drive(os.Args[2:]); err == nil {
			os.Exit(code)
		}
	case "activate":
		err = activate(os.Args[2], os.Args[3:])
	case "serve":
		err = serve()
	case "call":
		err = call(os.Args[2])
	case "notify":
		err = notify(os.Args[2:])
	case "hear":
		err = hear(os.Args[2])
	case "receive":
		err = receive(os.Args[2])
	case "agent":
		err = agent(os.Args[2], os.Args[3:])
	case "overwrite":
		err = overwrite()
	case "exchange":
		err = exchange(os.Args[2], os.Args[3])
	case "stay":
		err = stay(os.Args[2])
	case "watch":
		err = watch(os.Args[2], os.Args[3:])
	default:
		err = fmt.Errorf("unknown mode %q", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}
