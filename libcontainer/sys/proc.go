package sys

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Proc is a procfs that no other process can reach or mount over: a private,
// detached instance. Writes to /proc go through one (CVE-2019-16884,
// CVE-2025-52881).
type Proc struct{ fd int }

// NoProc is the absence of a procfs.
var NoProc = Proc{-1}

// PrivateProc makes a procfs for this process's pid namespace. Where the
// kernel refuses one (some nested user namespaces), a detached clone of /proc
// without what is mounted on it serves, after a check that it is procfs.
func PrivateProc() (Proc, error) {
	fd, err := NewFilesystem("proc", "proc", nil, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		var errno unix.Errno
		fd, errno = raw.OpenTree(unix.AT_FDCWD, "/proc", unix.AT_SYMLINK_NOFOLLOW|unix.OPEN_TREE_CLONE)
		if errno != 0 {
			fd, errno = raw.Open(unix.AT_FDCWD, "/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		}
		if errno != 0 {
			return NoProc, fault.Of(err).In("open a private procfs")
		}
	}
	if err := IsProc(fd); err != nil {
		raw.Close(fd)
		return NoProc, err
	}
	return Proc{fd}, nil
}

// HostProc opens the host's /proc, verified. Only while this process has a root that
// no container controls.
func HostProc() (Proc, error) {
	fd, errno := raw.Open(unix.AT_FDCWD, "/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return NoProc, fault.Path("open", "/proc", errno)
	}
	if err := IsProc(fd); err != nil {
		raw.Close(fd)
		return NoProc, fault.Of(err).In("/proc")
	}
	return Proc{fd}, nil
}

// HostProcess opens the directory of one process in the host's /proc, verified:
// it stays that of this process when another one gets the pid.
func HostProcess(pid int) (Proc, error) {
	proc, err := HostProc()
	if err != nil {
		return NoProc, err
	}
	defer proc.Close()
	dir, err := proc.Open(strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return NoProc, err
	}
	return Proc{dir}, nil
}

// IsProc makes sure that a descriptor is on procfs, by the filesystem's magic. The
// error is a fault; with errno 0 it is that of another filesystem.
func IsProc(fd int) error {
	var st unix.Statfs_t
	if errno := raw.Filesystem(fd, &st); errno != 0 {
		return fault.Call("fstatfs", errno)
	}
	if st.Type != unix.PROC_SUPER_MAGIC {
		return fault.New(0, "not a procfs: filesystem magic %x").Num(int64(st.Type)).Mark(fault.NotProc)
	}
	return nil
}

// OnProc reports whether a descriptor is known to be on procfs.
func OnProc(fd int) bool {
	var st unix.Statfs_t
	return raw.Filesystem(fd, &st) == 0 && st.Type == unix.PROC_SUPER_MAGIC
}

// IsNotProc reports whether an error is that of another filesystem in the place of a
// procfs.
func IsNotProc(err error) bool {
	return fault.KindOf(err) == fault.NotProc
}

// ProcAt takes over the descriptor of a procfs, or of a directory in one.
func ProcAt(fd int) Proc { return Proc{fd} }

// FD returns the descriptor of the procfs root.
func (p Proc) FD() int { return p.fd }

// Close releases it.
func (p Proc) Close() { raw.Close(p.fd) }

// Open opens a file below the procfs root. It never leaves this procfs and
// follows no magic link; "self" and "thread-self" are ordinary links.
func (p Proc) Open(path string, flags int) (int, error) {
	fd, errno := tryOpenat2(p.fd, path, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
	if errno != 0 {
		return -1, fault.New(errno, "open /proc/%s").Str(path).Mark(fault.Opening)
	}
	return fd, nil
}

// OpenRoot opens the root directory of the process whose directory this is
// (O_PATH), as that process sees it. It is a magic link, the only one that is
// followed: what is below belongs to the process.
func (p Proc) OpenRoot() (int, error) {
	fd, err := retry.Openat(p.fd, "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/proc/PID/root", Err: err}
	}
	return fd, nil
}

// Write writes a value in one write(2), as procfs wants it.
func (p Proc) Write(path, value string) error {
	fd, err := p.Open(path, unix.O_WRONLY)
	if err != nil {
		return err
	}
	err = writeProc(fd, path, value)
	raw.Close(fd)
	return err
}

func writeProc(fd int, path, value string) error {
	if err := IsProc(fd); err != nil {
		return err
	}
	n, errno := raw.WriteString(fd, value)
	if errno != 0 {
		return fault.New(errno, "write /proc/%s").Str(path)
	}
	if n != len(value) {
		return fault.New(0, "write /proc/%s: short write of %d of %d bytes").Str(path).Num(int64(n)).Num(int64(len(value)))
	}
	return nil
}

// Read reads a whole file of the procfs, see [ReadAll].
func (p Proc) Read(path string) ([]byte, error) {
	fd, err := p.Open(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return ReadAll(fd, maxProcFile)
}

// maxProcFile bounds a file in procfs. Some have a line for each of the things
// that a container has made, such as network devices.
const maxProcFile = 64 << 20

// ReadFile reads a whole file whose name is the kernel's or the host's own, of at
// most limit bytes, without what os.ReadFile does to be able to wait. For others
// see [ReadRegular] and [ReadGiven].
func ReadFile(path string, limit int) ([]byte, error) {
	fd, err := retry.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return ReadAll(fd, limit)
}

// ReadAll reads a descriptor to its end. The error is EFBIG if there are more
// than limit bytes.
func ReadAll(fd, limit int) ([]byte, error) {
	buf, err := ReadHead(fd, limit+1)
	if err == nil && len(buf) > limit {
		return nil, fmt.Errorf("read: %w: more than %d bytes", unix.EFBIG, limit)
	}
	return buf, err
}

// ReadHead reads a descriptor to its end, or until limit bytes.
func ReadHead(fd, limit int) ([]byte, error) {
	size := 512 // enough for what has no size, in procfs and sysfs
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Size > 0 {
		size = int(min(st.Size, int64(limit))) + 1 // one more, to see the end
	}
	buf := make([]byte, 0, size)
	for len(buf) < limit {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, len(buf))...)[:len(buf)]
		}
		n, err := retry.Read(fd, buf[len(buf):cap(buf)])
		if err == unix.EAGAIN && waitFor(fd, unix.POLLIN) {
			continue
		}
		if err != nil {
			return buf, os.NewSyscallError("read", err)
		}
		if n == 0 {
			break
		}
		buf = buf[:len(buf)+n]
	}
	return buf[:min(len(buf), limit)], nil
}

// waitFor waits until a descriptor that another process has made non-blocking is ready
// for events of poll(2), and reports whether there is hope for that.
func waitFor(fd int, events int16) bool {
	_, err := retry.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1)
	return err == nil
}

// Reopen opens what an O_PATH descriptor stands for, through the descriptor's
// magic link in this procfs.
func (p Proc) Reopen(fd, flags int) (int, error) {
	dir, err := p.Open("thread-self/fd", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	got, errno := OpenOwn(dir, fd, flags)
	raw.Close(dir)
	if errno != 0 {
		return -1, fault.New(errno, "reopen %d").Num(int64(fd))
	}
	return got, nil
}

// OpenOwn opens what a descriptor of this process stands for, in the directory of them
// that its procfs has.
func OpenOwn(dir, fd, flags int) (int, unix.Errno) {
	var name raw.Text
	name.AddInt(fd)
	return raw.Open(dir, name.String(), flags, 0)
}
