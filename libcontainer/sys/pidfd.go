package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// Duplicate duplicates a descriptor, close-on-exec, to the lowest number that is free.
func Duplicate(fd int) (int, error) {
	dup, errno := raw.Dup(fd, 0)
	return dup, fault.Call("fcntl F_DUPFD_CLOEXEC", errno)
}

// SignalProcess is [raw.SignalProcess].
func SignalProcess(pidfd, pid int, sig unix.Signal) error {
	if errno := raw.SignalProcess(pidfd, pid, sig); errno != 0 {
		return errno
	}
	return nil
}
