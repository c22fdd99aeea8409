package sys

import (
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// LastDescriptor is beyond the number of any descriptor.
const LastDescriptor = int(^uint(0) >> 1)

// FenceFrom marks all descriptors from first on close-on-exec, however high their
// numbers are. Without close_range(2) the host's /proc lists them.
func FenceFrom(first int) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(first), uintptr(LastDescriptor), unix.CLOSE_RANGE_CLOEXEC)
	if !lacksCloseRange(errno) {
		return fault.Call("close_range", errno)
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
func FenceOwn(first int) error { return eachOwn(first, LastDescriptor, unix.CLOSE_RANGE_CLOEXEC) }

// CloseOwn closes them, up to last.
func CloseOwn(first, last int) error { return eachOwn(first, last, 0) }

// eachOwn counts without close_range(2): descriptors get the lowest number that is
// free, below RLIMIT_NOFILE.
func eachOwn(first, last int, flags uintptr) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(first), uintptr(last), flags)
	if !lacksCloseRange(errno) {
		return fault.Call("close_range", errno)
	}
	var limit unix.Rlimit
	if _, errno := raw.Call(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, 0, uintptr(unsafe.Pointer(&limit)), 0, 0); errno != 0 {
		return fault.Call("getrlimit", errno)
	}
	for fd := first; fd <= min(last, int(min(limit.Cur, maxCounted))); fd++ {
		if flags == 0 {
			raw.Close(fd)
		} else {
			CloseOnExec(fd)
		}
	}
	return nil
}

// CloseOnExec marks a descriptor, if it is open.
func CloseOnExec(fd int) { raw.Fcntl(fd, unix.F_SETFD, unix.FD_CLOEXEC) }

// lacksCloseRange: Linux before 5.9 does not have the call, before 5.11 not the
// flag, and filters that do not know it refuse it.
func lacksCloseRange(errno unix.Errno) bool {
	return errno == unix.ENOSYS || errno == unix.EINVAL || errno == unix.EPERM
}
