package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Getpid is getpid(2).
func Getpid() int {
	pid, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	return int(pid)
}

// Kill is kill(2).
func Kill(pid int, sig unix.Signal) unix.Errno {
	_, errno := Call(unix.SYS_KILL, uintptr(pid), uintptr(sig), 0, 0, 0, 0)
	return errno
}

// PidfdOpen is pidfd_open(2).
func PidfdOpen(pid int) (int, unix.Errno) {
	return result(Call(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0, 0, 0, 0))
}

// SignalProcess is pidfd_send_signal(2) to the process with a pidfd and a pid:
// unix.ESRCH if it has been reaped. Where a filter refuses that call kill(2) does
// it, right after a look whether the process lives.
func SignalProcess(pidfd, pid int, sig unix.Signal) unix.Errno {
	_, errno := Call(unix.SYS_PIDFD_SEND_SIGNAL, uintptr(pidfd), uintptr(sig), 0, 0, 0, 0)
	if errno != unix.ENOSYS && errno != unix.EPERM {
		return errno
	}
	ended := [1]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	if n, errno := Poll(ended[:], 0); n != 0 || errno != 0 {
		return unix.ESRCH
	}
	return Kill(pid, sig)
}

// Wait4 is wait4(2) without what the process has used.
func Wait4(pid int, status *unix.WaitStatus, options int) (int, unix.Errno) {
	return result(waiting(unix.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(status)), uintptr(options), 0, 0, 0))
}

// Poll is poll(2), with a limit in milliseconds; a negative one is none.
func Poll(fds []unix.PollFd, limit int) (int, unix.Errno) {
	var left unix.Timespec // the kernel keeps it, when a signal interrupts the call
	var time *unix.Timespec
	if limit >= 0 {
		left = unix.NsecToTimespec(int64(limit) * 1e6)
		time = &left
	}
	return result(waiting(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(unsafe.Pointer(time)), 0, 0, 0))
}

// Monotonic is the time of a clock that cannot be set, in nanoseconds.
func Monotonic() int64 {
	var now unix.Timespec
	Call(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&now)), 0, 0, 0, 0)
	return now.Nano()
}

// WriteParts is writev(2): it may write less.
func WriteParts(fd int, parts *[3]string) (int, unix.Errno) {
	var vector [len(parts)]unix.Iovec
	for i := range parts {
		vector[i].Base = unsafe.StringData(parts[i])
		vector[i].SetLen(len(parts[i]))
	}
	return result(Call(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vector)), uintptr(len(vector)), 0, 0, 0))
}

// Action is struct sigaction of this architecture, of which all is zero but what has
// come from the kernel.
type Action [8]uint64

const sizeofSignalSet = 8

// IgnorePipe makes writes to a pipe without readers fail instead of ending the process,
// and returns the earlier setting. Go's runtime sees to that itself.
func IgnorePipe() (before Action) {
	if HasRuntime() {
		return before
	}
	ignore := Action{1} // SIG_IGN, on the architectures where there may be no runtime
	Call(unix.SYS_RT_SIGACTION, uintptr(unix.SIGPIPE), uintptr(unsafe.Pointer(&ignore)), uintptr(unsafe.Pointer(&before)), sizeofSignalSet, 0, 0)
	return before
}

// RestorePipe undoes IgnorePipe.
func RestorePipe(before *Action) {
	if HasRuntime() {
		return
	}
	Call(unix.SYS_RT_SIGACTION, uintptr(unix.SIGPIPE), uintptr(unsafe.Pointer(before)), 0, sizeofSignalSet, 0, 0)
}
