package sys

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const lastDescriptor = ^uint(0) >> 1

// FenceFrom marks all descriptors from first on close-on-exec, however high their
// numbers are. Without close_range(2) the host's /proc lists them.
func FenceFrom(first int) error {
	err := unix.CloseRange(uint(first), lastDescriptor, unix.CLOSE_RANGE_CLOEXEC)
	if !lacksCloseRange(err) {
		return os.NewSyscallError("close_range", err)
	}
	proc, err := HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	fd, err := proc.Open("self/fd", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), "/proc/self/fd")
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil && n >= first {
			unix.CloseOnExec(n)
		}
	}
	return nil
}

// maxCounted is beyond the number of any descriptor that init opens.
const maxCounted = 1 << 20

// FenceOwn is FenceFrom for an init, which has no procfs to trust. All that it has
// open it has opened itself: the parent has fenced the rest before it executed.
func FenceOwn(first int) error {
	return eachOwn(first, unix.CLOSE_RANGE_CLOEXEC, unix.CloseOnExec)
}

// CloseOwn closes what FenceOwn marks.
func CloseOwn(first int) error {
	return eachOwn(first, 0, func(fd int) { unix.Close(fd) })
}

// eachOwn counts without close_range(2): descriptors get the lowest number that is
// free, below RLIMIT_NOFILE.
func eachOwn(first int, flags uint, do func(fd int)) error {
	err := unix.CloseRange(uint(first), lastDescriptor, flags)
	if !lacksCloseRange(err) {
		return os.NewSyscallError("close_range", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	for fd := first; fd < int(min(limit.Cur, maxCounted)); fd++ {
		do(fd)
	}
	return nil
}

// lacksCloseRange: Linux before 5.9 does not have the call, before 5.11 not the
// flag, and filters that do not know it refuse it.
func lacksCloseRange(err error) bool {
	return err == unix.ENOSYS || err == unix.EINVAL || err == unix.EPERM
}
