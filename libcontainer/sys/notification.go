package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Notification is a system call that waits for an answer of a seccomp listener's (struct
// seccomp_notif).
type Notification struct {
	ID   uint64
	PID  uint32 // of the thread, in this process's pid namespace
	_    uint32
	NR   uint32
	Arch uint32
	_    uint64 // instruction pointer
	Args [6]uint64
}

// ReceiveNotification takes the next one. ENOENT means that the thread has ended, or was
// interrupted, meanwhile.
func ReceiveNotification(listener int, n *Notification) error {
	return retry.Do(func() error {
		*n = Notification{} // the kernel insists
		return notifIoctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
	})
}

// notifAnswer is struct seccomp_notif_resp.
type notifAnswer struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

// RefuseNotification has the call of a notification fail, or with 0 succeed without having been
// made.
func RefuseNotification(listener int, id uint64, errno unix.Errno) error {
	return answerNotification(listener, &notifAnswer{id: id, err: -int32(errno)})
}

// ContinueNotification has the call of a notification made, if no other filter of the thread
// refuses it. It is for a listener that hears of nothing that its own filter refuses.
func ContinueNotification(listener int, id uint64) error {
	return answerNotification(listener, &notifAnswer{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

func answerNotification(listener int, a *notifAnswer) error {
	return retry.Do(func() error { return notifIoctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(a)) })
}

func notifIoctl(listener int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
