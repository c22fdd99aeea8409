package sys

import "golang.org/x/sys/unix"

// RefusalWords says in words why execve(2) has refused a program, as the errno does,
// but without Go's runtime.
func RefusalWords(errno unix.Errno) string {
	switch errno {
	case unix.E2BIG:
		return "argument list too long"
	case unix.EACCES:
		return "permission denied"
	case unix.EAGAIN:
		return "resource temporarily unavailable"
	case unix.EFAULT:
		return "bad address"
	case unix.EINVAL:
		return "invalid argument"
	case unix.EIO:
		return "input/output error"
	case unix.EISDIR:
		return "is a directory"
	case unix.ELIBBAD:
		return "accessing a corrupted shared library"
	case unix.ELOOP:
		return "too many levels of symbolic links"
	case unix.EMFILE:
		return "too many open files"
	case unix.ENAMETOOLONG:
		return "file name too long"
	case unix.ENFILE:
		return "too many open files in system"
	case unix.ENOENT:
		return "no such file or directory"
	case unix.ENOEXEC:
		return "exec format error"
	case unix.ENOMEM:
		return "cannot allocate memory"
	case unix.ENOSYS:
		return "function not implemented"
	case unix.ENOTDIR:
		return "not a directory"
	case unix.EPERM:
		return "operation not permitted"
	case unix.ETXTBSY:
		return "text file busy"
	}
	return anyRefusal
}

// anyRefusal is for what no execve(2) answers, but a filter may.
const anyRefusal = "refused"
