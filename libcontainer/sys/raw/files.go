package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Getdents is getdents64(2); [Dirent] reads what it gives.
func Getdents(dir int, buf []byte) (int, unix.Errno) {
	return result(Call(unix.SYS_GETDENTS64, uintptr(dir), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0))
}

// Dirent returns the name of the first entry in what Getdents has read, as a view of
// it, and how many bytes the entry takes.
func Dirent(b []byte) (name string, size int) {
	entry := (*unix.Dirent)(unsafe.Pointer(unsafe.SliceData(b)))
	size = int(entry.Reclen)
	const begin = int(unsafe.Offsetof(entry.Name))
	end := begin
	for end < size && b[end] != 0 {
		end++
	}
	return String(b[begin:end]), size
}

// Link is linkat(2), which follows no link at the end of the old name.
func Link(dir int, name string, newDir int, newName string) unix.Errno {
	var p, q cPath
	if !p.set(name) {
		return badPath(name)
	}
	if !q.set(newName) {
		return badPath(newName)
	}
	_, errno := Call(unix.SYS_LINKAT, uintptr(dir), uintptr(unsafe.Pointer(&p)), uintptr(newDir), uintptr(unsafe.Pointer(&q)), 0, 0)
	return errno
}

// Fchmod is fchmod(2).
func Fchmod(fd int, mode uint32) unix.Errno {
	_, errno := Call(unix.SYS_FCHMOD, uintptr(fd), uintptr(mode), 0, 0, 0, 0)
	return errno
}

// SetTimes is utimensat(2) of a descriptor.
func SetTimes(fd int, access, change unix.StatxTimestamp) unix.Errno {
	times := [2]unix.Timespec{{Sec: access.Sec, Nsec: int64(access.Nsec)}, {Sec: change.Sec, Nsec: int64(change.Nsec)}}
	_, errno := Call(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	return errno
}

// Seek is lseek(2).
func Seek(fd int, offset int64, whence int) (int64, unix.Errno) {
	r, errno := Call(unix.SYS_LSEEK, uintptr(fd), uintptr(offset), uintptr(whence), 0, 0, 0)
	return int64(r), errno
}

// Truncate is ftruncate(2).
func Truncate(fd int, size int64) unix.Errno {
	_, errno := Call(unix.SYS_FTRUNCATE, uintptr(fd), uintptr(size), 0, 0, 0, 0)
	return errno
}

// Sendfile is sendfile(2) from an offset, which it moves on.
func Sendfile(to, from int, offset *int64, n int) (int, unix.Errno) {
	return result(Call(unix.SYS_SENDFILE, uintptr(to), uintptr(from), uintptr(unsafe.Pointer(offset)), uintptr(n), 0, 0))
}

// ListXattr is flistxattr(2): names, each with a NUL at its end.
func ListXattr(fd int, buf []byte) (int, unix.Errno) {
	return result(Call(unix.SYS_FLISTXATTR, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0))
}

// GetXattr is fgetxattr(2).
func GetXattr(fd int, name string, buf []byte) (int, unix.Errno) {
	var n [maxKey]byte // XATTR_NAME_MAX is as long
	if !setShort(&n, name) {
		return -1, unix.ERANGE
	}
	return result(Call(unix.SYS_FGETXATTR, uintptr(fd), uintptr(unsafe.Pointer(&n)), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0))
}

// SetXattr is fsetxattr(2).
func SetXattr(fd int, name string, value []byte) unix.Errno {
	var n [maxKey]byte
	if !setShort(&n, name) {
		return unix.ERANGE
	}
	_, errno := Call(unix.SYS_FSETXATTR, uintptr(fd), uintptr(unsafe.Pointer(&n)), uintptr(unsafe.Pointer(unsafe.SliceData(value))), uintptr(len(value)), 0, 0)
	return errno
}
