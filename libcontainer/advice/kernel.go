package advice

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
)

// kernel is for calls that no container can do without, and that the kernel does not
// have or a filter refuses.
func kernel(err error) string {
	var cause *sys.KernelError
	if errors.As(err, &cause) {
		return callsHint(cause)
	}
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) || !errors.As(sys.CheckKernel(), &cause) || !errors.Is(err, cause.Errno) {
		return ""
	}
	// A failure of openat2 has the path only.
	if !slices.Contains(cause.Calls, failedCall(err)) && !slices.Contains(cause.Calls, "openat2") {
		return ""
	}
	return cause.Error() + ": " + callsHint(cause)
}

func callsHint(e *sys.KernelError) string {
	if e.Old {
		return "crun-go needs " + sys.NeededCalls()
	}
	return "run the outer container with CAP_SYS_ADMIN, for which engines let their filters allow these calls, or without a filter " +
		"(docker, podman: --security-opt seccomp=unconfined)"
}

// failedCall returns the name of the system call that failed, if the error has it.
func failedCall(err error) string {
	var f *fault.Fault
	var child *spawn.JoinError
	var call *os.SyscallError
	switch {
	case errors.As(err, &f):
		return f.Call
	case errors.As(err, &child):
		return child.Stage
	case errors.As(err, &call):
		return call.Syscall
	}
	return ""
}
