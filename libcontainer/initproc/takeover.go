package initproc

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// init takes over a process that was started to be a container's init, where the
// program has no entry for that. It runs before main, and before what init has no use
// for is initialised: Go does that in the order of import paths, dependencies first. And
// init functions run on the main thread and keep it, which is what init needs.
func init() {
	if len(os.Args) == 0 || os.Args[0] != Name {
		return
	}
	fd := -1
	if len(os.Args) == 2 {
		fd = number(os.Args[1])
	}
	os.Exit(take(fd))
	sys.Die() // the container's filter does not let us exit
}

// take is init's life, if it was started as one, with a socket. It returns only an
// exit code, of failure.
func take(socket int) int {
	var kind, size int32 = 0, 4
	if errno := raw.Getsockopt(socket, unix.SOL_SOCKET, unix.SO_TYPE, &kind, &size); errno != 0 || kind != unix.SOCK_STREAM {
		raw.WriteString(2, "this is started by crun-go itself\n")
		return 1
	}
	return run(socket)
}

// number reads a descriptor's number, -1 if it is none.
func number(text string) int {
	if text == "" {
		return -1
	}
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
