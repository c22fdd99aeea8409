package sys

import (
	"encoding/hex"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// ReplaceFile puts a file that holds data in the place of the file name in the
// directory dir, or of none, as a whole: a reader sees the old one or the new
// one, and after an error the old one. Other descriptors of the old one keep it.
//
// The file is made under a random name and renamed, so that no link and no
// device that another user has put there is written to or removed. Mode is
// that of open(2), the umask counts. If finish is not nil, it gets the
// descriptor of the complete file before the rename.
//
// The error is an [*os.PathError] with the name as its path, or that of finish.
func ReplaceFile(dir int, name string, data []byte, mode uint32, finish func(fd int) error) error {
	temp, fd, err := createTemp(dir, mode)
	if err != nil {
		return &os.PathError{Op: "create", Path: name, Err: err}
	}
	if err = WriteAll(fd, data); err != nil {
		err = &os.PathError{Op: "write", Path: name, Err: err}
	} else if finish != nil {
		err = finish(fd)
	}
	if closeErr := unix.Close(fd); err == nil && closeErr != nil {
		err = &os.PathError{Op: "close", Path: name, Err: closeErr}
	}
	if err == nil {
		if err = unix.Renameat(dir, temp, dir, name); err == nil {
			return nil
		}
		err = &os.PathError{Op: "rename", Path: name, Err: err}
	}
	unix.Unlinkat(dir, temp, 0)
	return err
}

const tempPrefix = ".crun-go-"

// IsTemp reports whether a file may be what a ReplaceFile that was killed has left.
func IsTemp(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// createTemp makes a new file in a directory and opens it for writing.
func createTemp(dir int, mode uint32) (name string, fd int, err error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	for range 16 {
		var random [8]byte
		if _, err := retry.Getrandom(random[:]); err != nil {
			return "", -1, err
		}
		name = tempPrefix + hex.EncodeToString(random[:])
		fd, err = retry.Openat(dir, name, flags, mode)
		if err != unix.EEXIST {
			break
		}
	}
	return name, fd, err
}

// WriteAll writes all of data to a descriptor. The error is an errno of
// write(2).
func WriteAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := retry.Write(fd, data)
		if err == unix.EAGAIN && waitFor(fd, unix.POLLOUT) {
			continue
		}
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
