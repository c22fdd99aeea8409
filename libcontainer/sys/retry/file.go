package retry

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Package os and the timers of package time wait by means of Go's poller. It takes
// two descriptors, and where it cannot have them the program is aborted with a dump
// of its stacks. Here is what does without.

// OpenFile is os.OpenFile.
func OpenFile(path string, flags int, mode uint32) (*os.File, error) {
	fd, err := Open(path, flags|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// ReadFile is os.ReadFile, for what the kernel says.
func ReadFile(path string) ([]byte, error) {
	f, err := OpenFile(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Pipe is os.Pipe.
func Pipe() (r, w *os.File, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	return os.NewFile(uintptr(p[0]), "|0"), os.NewFile(uintptr(p[1]), "|1"), nil
}

// Sleep is time.Sleep.
func Sleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	_ = Do(func() error { return unix.Nanosleep(&left, &left) })
}
