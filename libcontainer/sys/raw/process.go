package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Capget is capget(2) of this thread.
func Capget(header *unix.CapUserHeader, data *[2]unix.CapUserData) unix.Errno {
	_, errno := Call(unix.SYS_CAPGET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0, 0, 0, 0)
	return errno
}

// Capset is capset(2) of this thread.
func Capset(header *unix.CapUserHeader, data *[2]unix.CapUserData) unix.Errno {
	_, errno := Call(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0, 0, 0, 0)
	return errno
}

// Umask is umask(2).
func Umask(mask uint32) { unix.RawSyscall(unix.SYS_UMASK, uintptr(mask), 0, 0) }

// SchedSetattr is sched_setattr(2) of this thread.
func SchedSetattr(attr *unix.SchedAttr) unix.Errno {
	_, errno := Call(unix.SYS_SCHED_SETATTR, 0, uintptr(unsafe.Pointer(attr)), 0, 0, 0, 0)
	return errno
}

// Sethostname is sethostname(2).
func Sethostname(name string) unix.Errno {
	_, errno := Call(unix.SYS_SETHOSTNAME, uintptr(unsafe.Pointer(unsafe.StringData(name))), uintptr(len(name)), 0, 0, 0, 0)
	return errno
}

// Setdomainname is setdomainname(2).
func Setdomainname(name string) unix.Errno {
	_, errno := Call(unix.SYS_SETDOMAINNAME, uintptr(unsafe.Pointer(unsafe.StringData(name))), uintptr(len(name)), 0, 0, 0, 0)
	return errno
}

// JoinSessionKeyring is keyctl(2) with KEYCTL_JOIN_SESSION_KEYRING.
func JoinSessionKeyring(name string) (int, unix.Errno) {
	var p cPath // a key's description has at most a page
	if !p.set(name) {
		return -1, unix.EINVAL
	}
	return result(Call(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, uintptr(unsafe.Pointer(&p)), 0, 0, 0, 0))
}

// DescribeKey is keyctl(2) with KEYCTL_DESCRIBE. It returns the length without NUL,
// and if that is more than buf has room for, nothing in it.
func DescribeKey(key int, buf []byte) (int, unix.Errno) {
	n, errno := result(Call(unix.SYS_KEYCTL, unix.KEYCTL_DESCRIBE, uintptr(key), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0))
	return n - 1, errno
}

// SetKeyPermissions is keyctl(2) with KEYCTL_SETPERM.
func SetKeyPermissions(key int, mask uint32) unix.Errno {
	_, errno := Call(unix.SYS_KEYCTL, unix.KEYCTL_SETPERM, uintptr(key), uintptr(mask), 0, 0, 0)
	return errno
}
