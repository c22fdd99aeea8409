package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxKey is the size of a filesystem parameter's key or value with its NUL, see
// fsconfig(2).
const maxKey = 256

// Fsopen is fsopen(2).
func Fsopen(fstype string) (int, unix.Errno) {
	var t cPath
	if !t.set(fstype) {
		return -1, badPath(fstype)
	}
	return result(Call(unix.SYS_FSOPEN, uintptr(unsafe.Pointer(&t)), unix.FSOPEN_CLOEXEC, 0, 0, 0, 0))
}

// Fspick is fspick(2) of a descriptor.
func Fspick(mount int) (int, unix.Errno) {
	var empty [1]byte
	return result(Call(unix.SYS_FSPICK, uintptr(mount), uintptr(unsafe.Pointer(&empty)), unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC, 0, 0, 0))
}

// FsconfigString is fsconfig(2) with FSCONFIG_SET_STRING.
func FsconfigString(fs int, key, value string) unix.Errno {
	var k, v [maxKey]byte
	if !setShort(&k, key) || !setShort(&v, value) {
		return unix.EINVAL
	}
	_, errno := Call(unix.SYS_FSCONFIG, uintptr(fs), unix.FSCONFIG_SET_STRING, uintptr(unsafe.Pointer(&k)), uintptr(unsafe.Pointer(&v)), 0, 0)
	return errno
}

// FsconfigFlag is fsconfig(2) with FSCONFIG_SET_FLAG.
func FsconfigFlag(fs int, key string) unix.Errno {
	var k [maxKey]byte
	if !setShort(&k, key) {
		return unix.EINVAL
	}
	_, errno := Call(unix.SYS_FSCONFIG, uintptr(fs), unix.FSCONFIG_SET_FLAG, uintptr(unsafe.Pointer(&k)), 0, 0, 0)
	return errno
}

// FsconfigFD is fsconfig(2) with FSCONFIG_SET_FD.
func FsconfigFD(fs int, key string, fd int) unix.Errno {
	var k [maxKey]byte
	if !setShort(&k, key) {
		return unix.EINVAL
	}
	_, errno := Call(unix.SYS_FSCONFIG, uintptr(fs), unix.FSCONFIG_SET_FD, uintptr(unsafe.Pointer(&k)), 0, uintptr(fd), 0)
	return errno
}

func setShort(c *[maxKey]byte, s string) bool {
	if len(s) >= len(c) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == 0 {
			return false
		}
		c[i] = s[i]
	}
	c[len(s)] = 0
	return true
}

// Fsconfig is fsconfig(2) with a command that takes nothing else, such as
// FSCONFIG_CMD_CREATE.
func Fsconfig(fs int, command uint) unix.Errno {
	_, errno := Call(unix.SYS_FSCONFIG, uintptr(fs), uintptr(command), 0, 0, 0, 0)
	return errno
}

// Fsmount is fsmount(2). attr is of MOUNT_ATTR_*.
func Fsmount(fs int, attr uint64) (int, unix.Errno) {
	return result(Call(unix.SYS_FSMOUNT, uintptr(fs), unix.FSMOUNT_CLOEXEC, uintptr(attr), 0, 0, 0))
}

// MoveMount is move_mount(2) from one descriptor to another.
func MoveMount(from, to int) unix.Errno {
	var empty [1]byte
	_, errno := Call(unix.SYS_MOVE_MOUNT, uintptr(from), uintptr(unsafe.Pointer(&empty)), uintptr(to), uintptr(unsafe.Pointer(&empty)),
		unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH, 0)
	return errno
}

// OpenTree is open_tree(2); an empty path takes AT_EMPTY_PATH.
func OpenTree(dir int, path string, flags uint) (int, unix.Errno) {
	var p cPath
	if !p.set(path) {
		return -1, badPath(path)
	}
	return result(Call(unix.SYS_OPEN_TREE, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(flags|unix.OPEN_TREE_CLOEXEC), 0, 0, 0))
}

// MountSetattr is mount_setattr(2) of a descriptor.
func MountSetattr(mount int, flags uint, attr *unix.MountAttr) unix.Errno {
	var empty [1]byte
	_, errno := Call(unix.SYS_MOUNT_SETATTR, uintptr(mount), uintptr(unsafe.Pointer(&empty)), uintptr(flags|unix.AT_EMPTY_PATH),
		uintptr(unsafe.Pointer(attr)), unsafe.Sizeof(*attr), 0)
	return errno
}

// PivotRoot is pivot_root(2) with the working directory for both.
func PivotRoot() unix.Errno {
	dot := [2]byte{'.', 0}
	_, errno := Call(unix.SYS_PIVOT_ROOT, uintptr(unsafe.Pointer(&dot)), uintptr(unsafe.Pointer(&dot)), 0, 0, 0, 0)
	return errno
}

// Unmount is umount2(2).
func Unmount(path string, flags int) unix.Errno {
	var p cPath
	if !p.set(path) {
		return badPath(path)
	}
	_, errno := Call(unix.SYS_UMOUNT2, uintptr(unsafe.Pointer(&p)), uintptr(flags), 0, 0, 0, 0)
	return errno
}

// Unshare is unshare(2).
func Unshare(flags int) unix.Errno {
	_, errno := Call(unix.SYS_UNSHARE, uintptr(flags), 0, 0, 0, 0, 0)
	return errno
}

// Setns is setns(2).
func Setns(fd, kind int) unix.Errno {
	_, errno := Call(unix.SYS_SETNS, uintptr(fd), uintptr(kind), 0, 0, 0, 0)
	return errno
}
