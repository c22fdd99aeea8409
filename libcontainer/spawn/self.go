package spawn

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Sealed is this program in a form that nobody can write to.
type Sealed struct {
	FD    int // to be executed, see execveat(2); -1: none
	Mount int // that it is on, if it has one of its own; -1
}

// Unsealed is none.
var Unsealed = Sealed{-1, -1}

// Close releases it. The kernel takes a while to let go of a mount that has never
// been attached: it waits for all processors (RCU).
func (s *Sealed) Close() {
	for _, fd := range [...]int{s.FD, s.Mount} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	*s = Unsealed
}

// SealedSelf opens this program for execution by a container's init, in a form
// that nobody can write to: whoever gets hold of it through /proc/PID/exe
// could otherwise replace the runtime on the host (CVE-2019-5736).
//
// It is a file of a read-only overlay that is mounted nowhere: no copy, no
// memory, and no remount can reach its superblock. An overlay wants two layers;
// other is the descriptor of any second directory. Where overlays can't be made
// (rootless), a sealed copy in memory serves.
//
// Whoever joins a user namespace before it executes may be traced by its root, unless
// what it executes is a file that this root can't read: execve decides that, for good.
// An overlay has the mode of what lies below. So for an init that others in there see,
// which is exposed, it is always the copy.
func SealedSelf(other int, exposed bool) (Sealed, error) {
	if !exposed {
		if s, err := overlaidSelf(other); err == nil {
			return s, nil
		}
	}
	fd, err := copiedSelf()
	return Sealed{fd, -1}, err
}

func overlaidSelf(other int) (Sealed, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return Unsealed, err
	}
	path, name := filepath.Split(exe)
	dir, err := retry.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Unsealed, err
	}
	defer unix.Close(dir)
	// By descriptor: a path could need escapes.
	layers := "lowerdir=/proc/self/fd/" + strconv.Itoa(dir) + ":/proc/self/fd/" + strconv.Itoa(other)
	mount, err := sys.NewFilesystem("overlay", "", []string{"ro", layers},
		unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return Unsealed, err
	}
	s := Sealed{-1, mount}
	s.FD, err = retry.Openat(mount, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil {
		err = sameFile(s.FD)
	}
	if err != nil {
		s.Close()
	}
	return s, err
}

// sameFile guards against the binary having been replaced since it was
// started: its successor may speak another protocol.
func sameFile(fd int) error {
	var overlaid, running unix.Stat_t
	if err := unix.Fstat(fd, &overlaid); err != nil {
		return err
	}
	if err := unix.Stat("/proc/self/exe", &running); err != nil {
		return err
	}
	if overlaid.Ino != running.Ino || overlaid.Size != running.Size || overlaid.Mtim != running.Mtim {
		return fmt.Errorf("the program was replaced while it ran")
	}
	return nil
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
	// Executable and not readable: the kernel then lets no container trace it.
	if err := unix.Fchmod(fd, 0o111); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	return os.NewSyscallError("fcntl F_ADD_SEALS", err)
}
