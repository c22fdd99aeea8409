// Package retry makes the system calls that a signal may interrupt, again and
// again until none does (EINTR, see signal(7)). Any signal with a handler will do,
// and Go's own runtime sends some. Nobody else makes these calls: tests/lint sees
// to it.
package retry

import (
	"time"

	"golang.org/x/sys/unix"
)

// Of makes a call until it was not interrupted.
func Of[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if err != unix.EINTR {
			return v, err
		}
	}
}

// Do is [Of] for a call that returns nothing else.
func Do(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// Open is open(2).
func Open(path string, flags int, mode uint32) (int, error) {
	return Of(func() (int, error) { return unix.Open(path, flags, mode) })
}

// Openat is openat(2).
func Openat(dir int, path string, flags int, mode uint32) (int, error) {
	return Of(func() (int, error) { return unix.Openat(dir, path, flags, mode) })
}

// Openat2 is openat2(2). EAGAIN is an interruption as well: a rename somewhere has made
// the kernel unsure of a "..". It stands if it does not end.
func Openat2(dir int, path string, how *unix.OpenHow) (fd int, err error) {
	for range 128 {
		fd, err = Of(func() (int, error) { return unix.Openat2(dir, path, how) })
		if err != unix.EAGAIN {
			break
		}
	}
	return fd, err
}

// Read is read(2).
func Read(fd int, p []byte) (int, error) {
	return Of(func() (int, error) { return unix.Read(fd, p) })
}

// Pread is pread(2).
func Pread(fd int, p []byte, offset int64) (int, error) {
	return Of(func() (int, error) { return unix.Pread(fd, p, offset) })
}

// Write is write(2): it may write less.
func Write(fd int, p []byte) (int, error) {
	return Of(func() (int, error) { return unix.Write(fd, p) })
}

// Sendmsg is sendmsg(2).
func Sendmsg(fd int, p, oob []byte, to unix.Sockaddr, flags int) (int, error) {
	return Of(func() (int, error) { return unix.SendmsgN(fd, p, oob, to, flags) })
}

// Sendto is sendto(2); to may be nil.
func Sendto(fd int, p []byte, flags int, to unix.Sockaddr) error {
	return Do(func() error { return unix.Sendto(fd, p, flags, to) })
}

// Recvfrom is recvfrom(2).
func Recvfrom(fd int, p []byte, flags int) (n int, from unix.Sockaddr, err error) {
	err = Do(func() error {
		n, from, err = unix.Recvfrom(fd, p, flags)
		return err
	})
	return n, from, err
}

// Connect is connect(2) of a Unix socket, which starts again each time.
func Connect(fd int, to *unix.SockaddrUnix) error {
	return Do(func() error { return unix.Connect(fd, to) })
}

// Sendfile is sendfile(2): it may copy less.
func Sendfile(out, in int, offset *int64, count int) (int, error) {
	return Of(func() (int, error) { return unix.Sendfile(out, in, offset, count) })
}

// Fsync is fsync(2).
func Fsync(fd int) error {
	return Do(func() error { return unix.Fsync(fd) })
}

// Getrandom is getrandom(2).
func Getrandom(p []byte) (int, error) {
	return Of(func() (int, error) { return unix.Getrandom(p, 0) })
}

// Dup3 is dup3(2). EBUSY is a race with another thread's open(2), which is soon over.
func Dup3(fd, to, flags int) (err error) {
	for range 128 {
		if err = Do(func() error { return unix.Dup3(fd, to, flags) }); err != unix.EBUSY {
			break
		}
	}
	return err
}

// Flock is flock(2).
func Flock(fd, how int) error {
	return Do(func() error { return unix.Flock(fd, how) })
}

// Statfs is statfs(2).
func Statfs(path string, st *unix.Statfs_t) error {
	return Do(func() error { return unix.Statfs(path, st) })
}

// Fstatfs is fstatfs(2).
func Fstatfs(fd int, st *unix.Statfs_t) error {
	return Do(func() error { return unix.Fstatfs(fd, st) })
}

// Wait4 is wait4(2).
func Wait4(pid int, status *unix.WaitStatus, options int) (int, error) {
	return Of(func() (int, error) { return unix.Wait4(pid, status, options, nil) })
}

// Waitid is waitid(2) of a pidfd, without its result.
func Waitid(pidfd, options int) error {
	return Do(func() error { return unix.Waitid(unix.P_PIDFD, pidfd, nil, options, nil) })
}

// Poll is poll(2) with a limit; a negative one is none. It returns 0 when the time
// is up, however often it was interrupted.
func Poll(fds []unix.PollFd, limit time.Duration) (int, error) {
	const longest = 1 << 30 // milliseconds
	var end time.Time
	if limit > 0 {
		end = time.Now().Add(limit)
	}
	for {
		wait := -1
		if limit >= 0 {
			wait = int(min((limit+time.Millisecond-1)/time.Millisecond, longest))
		}
		n, err := unix.Poll(fds, wait)
		if err != unix.EINTR && (n != 0 || wait < longest) {
			return n, err
		}
		if limit > 0 {
			limit = max(time.Until(end), 0)
		}
	}
}

// Readable waits until a descriptor has something to read, or its end has come.
// A pidfd's process has ended then. It reports whether that was within the limit.
func Readable(fd int, limit time.Duration) (bool, error) {
	n, err := Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, limit)
	return n > 0, err
}
