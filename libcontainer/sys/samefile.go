package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// SameFile reports whether two files are one.
func SameFile(a, b *unix.Stat_t) bool { return a.Dev == b.Dev && a.Ino == b.Ino }

// SameDescriptors reports whether two descriptors are of one file.
func SameDescriptors(a, b int) (bool, error) {
	var first, second unix.Stat_t
	if err := unix.Fstat(a, &first); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	if err := unix.Fstat(b, &second); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	return SameFile(&first, &second), nil
}

// DescriptorIsOf reports whether a descriptor is of the file that a path leads to.
func DescriptorIsOf(fd int, path string) (bool, error) {
	var held, named unix.Stat_t
	if err := unix.Fstat(fd, &held); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	if err := unix.Stat(path, &named); err != nil {
		return false, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return SameFile(&held, &named), nil
}

// Exists reports whether there is a file with a path, where its symbolic links lead.
func Exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }
