package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Duplicate duplicates a descriptor, close-on-exec, to the lowest number that is free.
func Duplicate(fd int) (int, error) {
	dup, errno := raw.Dup(fd, 0)
	return dup, fault.Call("fcntl F_DUPFD_CLOEXEC", errno)
}

// SignalProcess is pidfd_send_signal(2) to the process with a pidfd and a pid:
// unix.ESRCH if it has been reaped. Where a filter refuses that call kill(2) does
// it, right after a look whether the process lives.
func SignalProcess(pidfd, pid int, sig unix.Signal) error {
	err := unix.PidfdSendSignal(pidfd, sig, nil, 0)
	if err != unix.ENOSYS && err != unix.EPERM {
		return err
	}
	if gone, err := retry.Readable(pidfd, 0); err != nil || gone {
		return unix.ESRCH
	}
	return unix.Kill(pid, sig)
}
