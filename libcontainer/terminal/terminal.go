// Package terminal makes a container's pseudo-terminal, in init, and connects it
// with the caller's standard streams, in a runtime that waits for the container.
package terminal

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
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
		raw.Close(master)
		return -1, -1, err
	}
	if s.Mount {
		err = mountConsole(root, slave)
	}
	if err != nil {
		raw.Close(master)
		raw.Close(slave)
		return -1, -1, err
	}
	return master, slave, nil
}

// openMaster opens a new terminal of the devpts at /dev/pts. In that of the host
// no user may open ptmx, but /dev/ptmx, which belongs to the devpts beside it.
func openMaster(root int) (int, error) {
	master, err := sys.OpenInRoot(root, "/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NOFOLLOW)
	if fault.Is(err, unix.EACCES) {
		master, err = sys.OpenInRoot(root, "/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY)
	}
	if fault.Is(err, unix.ENOENT) || fault.Is(err, unix.ENOTDIR) {
		// Not in the kernel's words, which engines take for a program's (exit code 127).
		return -1, fault.New(0, "no devpts is mounted at /dev/pts, where terminals come from").Mark(fault.NoDevpts)
	}
	if err != nil {
		return -1, err
	}
	err = sys.CheckDevice(master, unix.S_IFCHR, 5, 2)
	if err == nil {
		err = fault.Call("ioctl TIOCSPTLCK", raw.UnlockTerminal(master))
	}
	if err != nil {
		raw.Close(master)
		return -1, fault.Of(err).In("ptmx")
	}
	return master, nil
}

// openSlave opens the other end through the master, not by a name.
func openSlave(master int, s *plan.Console) (int, error) {
	slave, err := sys.TerminalPeer(master)
	if err != nil {
		return -1, err
	}
	err = fault.Call("fchown", raw.Chown(slave, "", int(s.UID), -1))
	if err == nil && (s.Width != 0 || s.Height != 0) {
		err = fault.Call("ioctl TIOCSWINSZ", raw.SetTerminalSize(slave, uint16(s.Width), uint16(s.Height)))
	}
	if err == nil && s.PlainLines {
		err = fault.Call("ioctl TCSETS", raw.PlainLines(slave))
	}
	if err != nil {
		raw.Close(slave)
		return -1, err
	}
	return slave, nil
}

func mountConsole(root, slave int) error {
	target, err := sys.CreateFileInRoot(root, "/dev/console", 0o755, 0o600)
	if err != nil {
		return err
	}
	if sys.IsProc(target) == nil {
		err = fault.New(0, "/dev/console leads into a procfs, where nothing may be mounted")
	} else {
		err = mountOn(target, slave)
	}
	raw.Close(target)
	return err
}

func mountOn(target, slave int) error {
	mount, err := sys.CloneTree(slave, "", 0)
	if err != nil {
		return err
	}
	err = sys.AttachMount(mount, target)
	raw.Close(mount)
	return err
}

// Control makes slave the controlling terminal. The process must be a session
// leader.
func Control(slave int) error {
	return fault.Call("ioctl TIOCSCTTY", raw.ControlTerminal(slave))
}

// Adopt makes slave the standard streams.
func Adopt(slave int) error {
	for fd := range 3 {
		if errno := raw.Dup3(slave, fd, 0); errno != 0 {
			return fault.Call("dup3", errno)
		}
	}
	raw.Close(slave)
	return nil
}
