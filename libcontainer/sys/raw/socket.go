package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxRights is how many descriptors come with one message at most (SCM_MAX_FD).
const MaxRights = 253

// rights is a control message with descriptors, see unix(7).
type rights struct {
	header unix.Cmsghdr
	fds    [MaxRights + 1]int32 // one more for the alignment of the end
}

// Send is sendmsg(2) of bytes and a descriptor, if it is not -1. It may send less.
func Send(socket int, p []byte, fd int, mark uint32) (int, unix.Errno) {
	var control rights
	vector := unix.Iovec{Base: unsafe.SliceData(p)}
	vector.SetLen(len(p))
	message := unix.Msghdr{Iov: &vector}
	message.SetIovlen(1)
	if fd >= 0 {
		control.header.Level, control.header.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
		control.header.SetLen(int(unsafe.Offsetof(control.fds)) + 4)
		control.fds[0] = int32(fd)
		message.Control = (*byte)(unsafe.Pointer(&control))
		message.SetControllen(int(unsafe.Offsetof(control.fds)) + 8)
	}
	return sendmsg(socket, &message, mark)
}

// marked are flags with a mark in the upper half of the register, which the kernel ignores and a
// seccomp filter can see.
//
//go:nosplit
func marked(flags uintptr, mark uint32) uintptr { return flags | uintptr(mark)<<32 }

//go:nosplit
func sendmsg(socket int, message *unix.Msghdr, mark uint32) (int, unix.Errno) {
	return result(Call(unix.SYS_SENDMSG, uintptr(socket), uintptr(unsafe.Pointer(message)), marked(unix.MSG_NOSIGNAL, mark), 0, 0, 0))
}

// Receive is recvmsg(2) of bytes and descriptors, which are close-on-exec. There is
// room for MaxRights of them in fds, from count on.
func Receive(socket int, p []byte, fds []int32, mark uint32) (n, count int, errno unix.Errno) {
	var control rights
	vector := unix.Iovec{Base: unsafe.SliceData(p)}
	vector.SetLen(len(p))
	message := unix.Msghdr{Iov: &vector, Control: (*byte)(unsafe.Pointer(&control))}
	message.SetIovlen(1)
	message.SetControllen(int(unsafe.Sizeof(control)))
	n, errno = recvmsg(socket, &message, mark)
	if errno != 0 || message.Controllen == 0 || control.header.Level != unix.SOL_SOCKET || control.header.Type != unix.SCM_RIGHTS {
		return n, 0, errno
	}
	came := (int(control.header.Len) - int(unsafe.Offsetof(control.fds))) / 4
	for _, fd := range control.fds[:came] {
		if count == len(fds) {
			Close(int(fd))
			continue
		}
		fds[count] = fd
		count++
	}
	return n, count, 0
}

//go:nosplit
func recvmsg(socket int, message *unix.Msghdr, mark uint32) (int, unix.Errno) {
	return result(Call(unix.SYS_RECVMSG, uintptr(socket), uintptr(unsafe.Pointer(message)), marked(unix.MSG_CMSG_CLOEXEC, mark), 0, 0, 0))
}

// Getsockopt is getsockopt(2) of a number.
func Getsockopt(socket, level, option int, value, size *int32) unix.Errno {
	_, errno := Call(unix.SYS_GETSOCKOPT, uintptr(socket), uintptr(level), uintptr(option), uintptr(unsafe.Pointer(value)),
		uintptr(unsafe.Pointer(size)), 0)
	return errno
}
