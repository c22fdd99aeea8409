package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// OpenAppend opens a file to append to. It makes it, with this mode, if it is
// missing, and follows no symbolic link at its end. Beside regular files it takes fifos,
// which need no reader yet, /dev/null, and the caller's own descriptors (see
// [OwnDescriptor]). All else is refused, unopened. What is written to a fifo
// never waits. With sync each write to a regular file is on the disk when it
// returns.
func OpenAppend(path string, mode uint32, sync bool) (int, error) {
	fd, err := openAppend(path, mode, sync)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: bareError(err)}
	}
	return fd, nil
}

func openAppend(path string, mode uint32, sync bool) (int, error) {
	if fd, ok := OwnDescriptor(path); ok {
		if err := checkWritable(fd); err != nil {
			return -1, err
		}
		return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	}
	flags := unix.O_WRONLY | unix.O_APPEND | unix.O_NOCTTY | unix.O_CLOEXEC
	if sync {
		flags |= unix.O_SYNC
	}
	dir, name, err := openParent(path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	for range maxLinks { // it may come and go
		look, err := retry.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(look)
			return reopenAppend(look, flags)
		}
		if err != unix.ENOENT {
			return -1, err
		}
		fd, err := retry.Openat(dir, name, flags|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, mode)
		if err != unix.EEXIST {
			return fd, err
		}
	}
	return -1, unix.EEXIST
}

// reopenAppend opens what an O_PATH descriptor stands for.
func reopenAppend(look, flags int) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(look, &st); err != nil {
		return -1, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if err := CheckRegular(look); err != nil {
			return -1, err
		}
	case unix.S_IFIFO:
		// For reading, too: opening then does not block, and keeps what is written
		// until the end of this process.
		flags = unix.O_RDWR | unix.O_NONBLOCK
	case unix.S_IFLNK:
		return -1, errors.New("expected a file to append to, found a symbolic link: name what it leads to")
	default:
		if CheckDevice(look, unix.S_IFCHR, 1, 3) != nil {
			return -1, fmt.Errorf("expected a file to append to, found a %s", FileType(st.Mode))
		}
	}
	proc, err := HostProc()
	if err != nil {
		return -1, err
	}
	defer proc.Close()
	return proc.Reopen(look, flags)
}
