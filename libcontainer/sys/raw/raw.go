// Package raw makes system calls without Go's runtime: they allocate nothing, do
// not involve the scheduler, and try again when a signal has interrupted them (EINTR,
// signal(7)). A path or another string that the kernel wants with a NUL at its end is
// copied to the stack for that.
//
// A process that has Go's runtime may use it too, for calls that do not wait: its
// other goroutines stand still meanwhile.
package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxPath is the size of a path with its NUL, PATH_MAX.
const maxPath = 4096

// cPath is a path as the kernel takes it.
type cPath [maxPath]byte

// set copies a path, and reports whether there is room for it. One with a NUL in it
// would be another path.
func (c *cPath) set(path string) bool {
	if len(path) >= len(c) {
		return false
	}
	for i := 0; i < len(path); i++ {
		if path[i] == 0 {
			return false
		}
		c[i] = path[i]
	}
	c[len(path)] = 0
	return true
}

// badPath says why a path could not be copied.
func badPath(path string) unix.Errno {
	if len(path) >= maxPath {
		return unix.ENAMETOOLONG
	}
	return unix.EINVAL
}

// Call makes a system call until no signal interrupts it. An argument may be the
// address of what is on the caller's stack, which so must not move: what is between
// the conversion of a pointer and the kernel has to be nosplit.
//
//go:nosplit
func Call(trap, a1, a2, a3, a4, a5, a6 uintptr) (uintptr, unix.Errno) {
	for {
		r, _, errno := unix.RawSyscall6(trap, a1, a2, a3, a4, a5, a6)
		if errno != unix.EINTR {
			return r, errno
		}
	}
}

func result(r uintptr, errno unix.Errno) (int, unix.Errno) {
	if errno != 0 {
		return -1, errno
	}
	return int(r), 0
}

// Open is openat(2). Descriptors are always close-on-exec.
func Open(dir int, path string, flags int, mode uint32) (int, unix.Errno) {
	var p cPath
	if !p.set(path) {
		return -1, badPath(path)
	}
	return result(Call(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(flags|unix.O_CLOEXEC|unix.O_LARGEFILE), uintptr(mode), 0, 0))
}

// Open2 is openat2(2), with flags and resolve of struct open_how. Descriptors are
// always close-on-exec.
func Open2(dir int, path string, flags int, resolve uint64) (int, unix.Errno) {
	var p cPath
	if !p.set(path) {
		return -1, badPath(path)
	}
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve}
	return result(Call(unix.SYS_OPENAT2, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0))
}

// Close is close(2), which must not be made again.
func Close(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// Read is read(2).
func Read(fd int, p []byte) (int, unix.Errno) {
	return result(Call(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0))
}

// Await is Read that may wait for long.
func Await(fd int, p []byte) (int, unix.Errno) {
	return result(waiting(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0))
}

// Write is write(2): it may write less.
func Write(fd int, p []byte) (int, unix.Errno) {
	return result(Call(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0))
}

// WriteString is write(2).
func WriteString(fd int, s string) (int, unix.Errno) {
	return result(Call(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(len(s)), 0, 0, 0))
}

// Dup is fcntl(2) with F_DUPFD_CLOEXEC: the lowest free number from least on.
func Dup(fd, least int) (int, unix.Errno) {
	return result(Call(unix.SYS_FCNTL, uintptr(fd), unix.F_DUPFD_CLOEXEC, uintptr(least), 0, 0, 0))
}

// Dup3 is dup3(2).
func Dup3(fd, to, flags int) unix.Errno {
	_, errno := Call(unix.SYS_DUP3, uintptr(fd), uintptr(to), uintptr(flags), 0, 0, 0)
	return errno
}

// Fcntl is fcntl(2) with a number.
func Fcntl(fd, command, arg int) (int, unix.Errno) {
	return result(Call(unix.SYS_FCNTL, uintptr(fd), uintptr(command), uintptr(arg), 0, 0, 0))
}

// Pipe is pipe2(2).
func Pipe(ends *[2]int32, flags int) unix.Errno {
	_, errno := Call(unix.SYS_PIPE2, uintptr(unsafe.Pointer(ends)), uintptr(flags), 0, 0, 0, 0)
	return errno
}

// Stat is statx(2) of a descriptor. mask is of STATX_*.
func Stat(fd int, mask uint32, st *unix.Statx_t) unix.Errno {
	var empty [1]byte
	_, errno := Call(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&empty)), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, uintptr(mask),
		uintptr(unsafe.Pointer(st)), 0)
	return errno
}

// StatPath is statx(2) of a path whose links are followed.
func StatPath(dir int, path string, mask uint32, st *unix.Statx_t) unix.Errno {
	var p cPath
	if !p.set(path) {
		return badPath(path)
	}
	_, errno := Call(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&p)), 0, uintptr(mask), uintptr(unsafe.Pointer(st)), 0)
	return errno
}

// Filesystem is fstatfs(2).
func Filesystem(fd int, st *unix.Statfs_t) unix.Errno {
	_, errno := Call(unix.SYS_FSTATFS, uintptr(fd), uintptr(unsafe.Pointer(st)), 0, 0, 0, 0)
	return errno
}

// Access is faccessat2(2) where the kernel has it; without flags faccessat(2).
func Access(dir int, path string, mode uint32, flags int) unix.Errno {
	var p cPath
	if !p.set(path) {
		return badPath(path)
	}
	trap := uintptr(unix.SYS_FACCESSAT)
	if flags != 0 {
		trap = unix.SYS_FACCESSAT2
	}
	_, errno := Call(trap, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(mode), uintptr(flags), 0, 0)
	return errno
}

// Mkdir is mkdirat(2).
func Mkdir(dir int, name string, mode uint32) unix.Errno {
	var p cPath
	if !p.set(name) {
		return badPath(name)
	}
	_, errno := Call(unix.SYS_MKDIRAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(mode), 0, 0, 0)
	return errno
}

// Mknod is mknodat(2).
func Mknod(dir int, name string, mode uint32, device uint64) unix.Errno {
	var p cPath
	if !p.set(name) {
		return badPath(name)
	}
	_, errno := Call(unix.SYS_MKNODAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(mode), uintptr(device), 0, 0)
	return errno
}

// Unlink is unlinkat(2), of no directory.
func Unlink(dir int, name string) unix.Errno {
	var p cPath
	if !p.set(name) {
		return badPath(name)
	}
	_, errno := Call(unix.SYS_UNLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), 0, 0, 0, 0)
	return errno
}

// Symlink is symlinkat(2).
func Symlink(target string, dir int, name string) unix.Errno {
	var t, p cPath
	if !t.set(target) {
		return badPath(target)
	}
	if !p.set(name) {
		return badPath(name)
	}
	_, errno := Call(unix.SYS_SYMLINKAT, uintptr(unsafe.Pointer(&t)), uintptr(dir), uintptr(unsafe.Pointer(&p)), 0, 0, 0)
	return errno
}

// Readlink is readlinkat(2); an empty name means the link that dir itself is.
func Readlink(dir int, name string, buf []byte) (int, unix.Errno) {
	var p cPath
	if !p.set(name) {
		return -1, badPath(name)
	}
	return result(Call(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0))
}

// Chown is fchownat(2) that follows no link; an empty name means dir itself. An id of
// -1 stays.
func Chown(dir int, name string, uid, gid int) unix.Errno {
	var p cPath
	if !p.set(name) {
		return badPath(name)
	}
	_, errno := Call(unix.SYS_FCHOWNAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(uid), uintptr(gid), unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH, 0)
	return errno
}

// Chmod is fchmodat(2), which follows links.
func Chmod(dir int, name string, mode uint32) unix.Errno {
	var p cPath
	if !p.set(name) {
		return badPath(name)
	}
	_, errno := Call(unix.SYS_FCHMODAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(mode), 0, 0, 0)
	return errno
}

// Chdir is chdir(2).
func Chdir(path string) unix.Errno {
	var p cPath
	if !p.set(path) {
		return badPath(path)
	}
	_, errno := Call(unix.SYS_CHDIR, uintptr(unsafe.Pointer(&p)), 0, 0, 0, 0, 0)
	return errno
}

// Fchdir is fchdir(2).
func Fchdir(fd int) unix.Errno {
	_, errno := Call(unix.SYS_FCHDIR, uintptr(fd), 0, 0, 0, 0, 0)
	return errno
}

// Chroot is chroot(2) into the working directory.
func Chroot() unix.Errno {
	dot := [2]byte{'.', 0}
	_, errno := Call(unix.SYS_CHROOT, uintptr(unsafe.Pointer(&dot)), 0, 0, 0, 0, 0)
	return errno
}

// Getcwd is getcwd(2) into buf; it returns the length without NUL.
func Getcwd(buf []byte) (int, unix.Errno) {
	n, errno := result(Call(unix.SYS_GETCWD, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0, 0))
	return n - 1, errno
}

// Ioctl is ioctl(2).
//
//go:nosplit
func Ioctl(fd int, request, arg uintptr) (int, unix.Errno) {
	return result(Call(unix.SYS_IOCTL, uintptr(fd), request, arg, 0, 0, 0))
}

// Prctl is prctl(2).
//
//go:nosplit
func Prctl(option int, a2, a3, a4, a5 uintptr) (int, unix.Errno) {
	return result(Call(unix.SYS_PRCTL, uintptr(option), a2, a3, a4, a5, 0))
}
