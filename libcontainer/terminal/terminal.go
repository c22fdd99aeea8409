// Package terminal makes a container's pseudo-terminal, in init, and connects it
// with the caller's standard streams, in a runtime that waits for the container.
package terminal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Open makes a terminal in the container's own devpts. root is the
// container's root. What is opened is verified: an image may have put
// anything at /dev/pts (CVE-2025-52565).
func Open(root int, s *plan.Console) (master, slave int, err error) {
	master, err = openMaster(root)
	if err != nil {
		return -1, -1, err
	}
	slave, err = openSlave(master, s)
	if err != nil {
		unix.Close(master)
		return -1, -1, err
	}
	if s.Mount {
		err = mountConsole(root, slave)
	}
	if err != nil {
		unix.Close(master)
		unix.Close(slave)
		return -1, -1, err
	}
	return master, slave, nil
}

// openMaster opens a new terminal of the devpts at /dev/pts. That of the host gives
// nobody a right to the ptmx in it, but to /dev/ptmx, which leads to the devpts
// beside it.
func openMaster(root int) (int, error) {
	master, err := sys.OpenInRoot(root, "/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NOFOLLOW)
	if errors.Is(err, unix.EACCES) {
		master, err = sys.OpenInRoot(root, "/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY)
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		// Not in the kernel's words, which engines take for a program's (exit code 127).
		return -1, errors.New("no devpts is mounted at /dev/pts, where terminals come from")
	}
	if err != nil {
		return -1, err
	}
	err = sys.CheckDevice(master, unix.S_IFCHR, 5, 2)
	if err == nil {
		err = os.NewSyscallError("ioctl TIOCSPTLCK", unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0))
	}
	if err != nil {
		unix.Close(master)
		return -1, fmt.Errorf("ptmx: %w", err)
	}
	return master, nil
}

// openSlave opens the other end through the master, not by a name.
func openSlave(master int, s *plan.Console) (int, error) {
	slave, err := sys.TerminalPeer(master)
	if err != nil {
		return -1, err
	}
	err = os.NewSyscallError("fchown", unix.Fchown(slave, int(s.UID), -1))
	if err == nil && (s.Width != 0 || s.Height != 0) {
		size := unix.Winsize{Col: uint16(s.Width), Row: uint16(s.Height)}
		err = os.NewSyscallError("ioctl TIOCSWINSZ", unix.IoctlSetWinsize(slave, unix.TIOCSWINSZ, &size))
	}
	if err != nil {
		unix.Close(slave)
		return -1, err
	}
	return slave, nil
}

func mountConsole(root, slave int) error {
	target, err := sys.CreateFileInRoot(root, "/dev/console", 0o755, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if sys.IsProc(target) == nil {
		return errors.New("/dev/console leads into a procfs, where nothing may be mounted")
	}
	mount, err := sys.CloneTree(slave, "", 0)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	return sys.AttachMount(mount, target)
}

// Control makes slave the controlling terminal. The process must be a session
// leader.
func Control(slave int) error {
	return os.NewSyscallError("ioctl TIOCSCTTY", unix.IoctlSetInt(slave, unix.TIOCSCTTY, 0))
}

// Adopt makes slave the standard streams.
func Adopt(slave int) error {
	for fd := range 3 {
		if err := retry.Dup3(slave, fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	return unix.Close(slave)
}
