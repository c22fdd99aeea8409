package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/terminal"
)

// sendDescriptor connects to a unix socket and sends one message: text and one
// descriptor.
func sendDescriptor(path, text string, fd int) error {
	sock, err := dial(path, unix.SOCK_STREAM, receiverPatience)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	_, err = retry.Sendmsg(sock, []byte(text), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
	return os.NewSyscallError("sendmsg", err)
}

// receiverPatience is how long whoever is to get a descriptor may take to accept the
// connection, if others wait for that and his queue is full.
const receiverPatience = 10 * time.Second

// dial connects to a unix socket. Neither that nor what is sent takes longer than the
// patience, see SO_SNDTIMEO in unix(7): each on its own.
func dial(path string, kind int, patience time.Duration) (sock int, err error) {
	sock, err = unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	limit := unix.NsecToTimeval(int64(patience))
	if err = os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(sock, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit)); err == nil {
		if err = connect(sock, path); err == unix.EAGAIN {
			err = fmt.Errorf("%w: its queue is full, and nobody accepts connections within %v", err, patience)
		}
		if err != nil {
			err = &os.PathError{Op: "connect", Path: path, Err: err}
		}
	}
	if err != nil {
		unix.Close(sock)
		return -1, err
	}
	return sock, nil
}

// connect goes through a descriptor of the directory if the path is too long
// for an address, see unix(7).
func connect(sock int, path string) error {
	const longest = 107
	if len(path) > longest && path[0] == '/' {
		dir, err := retry.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(dir)
		path = "/proc/self/fd/" + strconv.Itoa(dir) + "/" + filepath.Base(path)
	}
	return retry.Connect(sock, &unix.SockaddrUnix{Name: path})
}

// checkMaster verifies that a descriptor is a terminal's master, open for use.
func checkMaster(fd int) error {
	if err := sys.CheckDevice(fd, unix.S_IFCHR, 5, 2); err != nil {
		return err
	}
	_, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	return os.NewSyscallError("ioctl TIOCGPTN", err)
}

// takeTerminal hands the terminal's master out, or keeps it to relay. Nothing
// else is taken from init, which works among a container's files.
func (f *foreground) takeTerminal(master int) error {
	if err := checkMaster(master); err != nil {
		unix.Close(master)
		return fmt.Errorf("the terminal's master: %w", err)
	}
	if f.consoleSocket == "" {
		var err error
		f.relay, err = terminal.NewRelay(master)
		return err
	}
	err := sendDescriptor(f.consoleSocket, "/dev/pts/ptmx", master)
	unix.Close(master)
	if err != nil {
		return fmt.Errorf("--console-socket: %w", err)
	}
	return nil
}

// fitTerminal gives a process's terminal the size of this process's own, from
// the beginning.
func fitTerminal(p *specs.Process) {
	if p == nil || !p.Terminal {
		return
	}
	if columns, rows := terminal.Size(); columns != 0 || rows != 0 {
		p.ConsoleSize = &specs.Box{Width: uint(columns), Height: uint(rows)}
	}
}

// pidfdReceiver is the annotation by which engines without a flag for it ask
// for a pidfd.
const pidfdReceiver = "run.oci.pidfd_receiver"

// sendPidfd hands out a pidfd of init, to who asks on the command line and to
// who asks in config.json.
func (c *creation) sendPidfd() error {
	if path := c.opts.PidfdSocket; path != "" {
		if err := sendDescriptor(path, "standard", c.init.PidFD); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if path := c.spec.Annotations[pidfdReceiver]; path != "" {
		if err := sendDescriptor(path, "standard", c.init.PidFD); err != nil {
			return fieldError("annotations."+pidfdReceiver, err)
		}
	}
	return nil
}
