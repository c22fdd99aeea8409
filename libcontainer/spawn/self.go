package spawn

import (
	"io"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Sealed is this program in a form that no process in the container can write to.
type Sealed struct {
	FD     int // to be executed, see execveat(2); -1: none
	Mount  int // that it is on, if it has one of its own; -1
	helper int // the process that made the mount, to be reaped; or 0
}

// Unsealed is none.
var Unsealed = Sealed{FD: -1, Mount: -1}

// Close releases it. The kernel takes a while to release a mount that has never
// been attached: it waits for an RCU grace period.
func (s *Sealed) Close() {
	for _, fd := range [...]int{s.FD, s.Mount} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if s.helper > 0 {
		retry.Wait4(s.helper, nil, unix.WALL)
	}
	*s = Unsealed
}

// Audience is the users that could get hold of what init executes.
type Audience struct {
	// UIDs are the users that the container's user namespace maps, if the caller is in
	// another one. nil: it has none, or they are not known.
	UIDs []specs.LinuxIDMapping
	// Exposed: init joins that user namespace before it executes, and others in
	// there see it.
	Exposed bool
}

func (a *Audience) has(uid uint32) bool {
	return proc.HasHostID(a.UIDs, uid)
}

// SealedSelf opens this program for execution by a container's init, in a form
// that no process in there can write to: one that opens it through /proc/PID/exe
// could otherwise replace the runtime on the host (CVE-2019-5736). That is
//
//   - the file itself, where neither the caller nor the container has power over it:
//     a program of the host's root that an ordinary user calls;
//   - a file of a read-only overlay that is mounted nowhere: no copy, no memory, and
//     no remount can reach its superblock. An overlay wants two layers; other is the
//     descriptor of any second directory. A user's is made in namespaces of its own;
//   - a sealed copy in memory, where overlays can't be made. It costs the most.
//
// Whoever joins a user namespace before it executes may be traced by its root, unless
// what it executes is a file that this root can't read: execve decides that, for good.
// The others have the mode of what is on disk. So for an init that is exposed it is the
// copy, unless that root may read it too, because the copy's owner is in there (rootless).
func SealedSelf(other int, a Audience) (Sealed, error) {
	if !a.Exposed || a.has(uint32(os.Geteuid())) {
		if fd := a.outOfReach(); fd >= 0 {
			return Sealed{FD: fd, Mount: -1}, nil
		}
		if s, err := overlaidSelf(other); err == nil {
			return s, nil
		}
	}
	fd, err := copiedSelf()
	return Sealed{FD: fd, Mount: -1}, err
}

// copiedSelf copies the program into a sealed memfd.
func copiedSelf() (int, error) {
	// No os.File: Go watches those with descriptors of its own, and ends the process if there are none left.
	self, err := retry.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/proc/self/exe", Err: err}
	}
	defer unix.Close(self)
	fd, err := unix.MemfdCreate("crun-go", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3, when every memfd was executable
		fd, err = unix.MemfdCreate("crun-go", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	if err := fillAndSeal(fd, self); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func fillAndSeal(fd, self int) error {
	var st unix.Stat_t
	if err := unix.Fstat(self, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	for left := st.Size; left > 0; {
		n, err := retry.Sendfile(fd, self, nil, int(left))
		if err != nil {
			return os.NewSyscallError("sendfile", err)
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		left -= int64(n)
	}
	// Executable and not readable: the kernel then lets no container trace it whose
	// user namespace does not map the owner, which is the caller.
	if err := unix.Fchmod(fd, 0o111); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	return os.NewSyscallError("fcntl F_ADD_SEALS", err)
}
