package foreground

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/terminal"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// SendDescriptor connects to a unix socket and sends one message: text and one
// descriptor.
func SendDescriptor(path, text string, fd int) error {
	wait := Patience{receiverPatience, initlink.Interrupted}
	sock, err := wait.Dial(path, unix.SOCK_STREAM)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	return wait.Send(sock, []byte(text), fd)
}

// receiverPatience is how long the receiver of a descriptor may take to accept the
// connection, if others wait for that and its queue is full.
const receiverPatience = 10 * time.Second

// Patience is how long connecting to a socket and sending to it may take, each on its own,
// and what ends that before: whether it has come is asked at every patienceLook, as a
// signal that comes right before a call does not interrupt it.
type Patience struct {
	Limit time.Duration
	Stop  func() error
}

const patienceLook = 100 * time.Millisecond

// try makes a call, which fails with EAGAIN after a while (SO_SNDTIMEO), until it does not.
func (p *Patience) try(call func() error) error {
	for end := time.Now().Add(p.Limit); ; {
		err := call()
		if err != unix.EAGAIN {
			return err
		}
		if stop := p.Stop(); stop != nil {
			return stop
		}
		if !time.Now().Before(end) {
			return err
		}
	}
}

// Dial connects to a unix socket.
func (p *Patience) Dial(path string, kind int) (sock int, err error) {
	sock, err = unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	look := unix.NsecToTimeval(int64(min(patienceLook, p.Limit)))
	if err = os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(sock, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &look)); err == nil {
		err = p.try(func() error { return connect(sock, path) })
		if err == unix.EAGAIN {
			err = fmt.Errorf("%w: its queue is full, and no connection was accepted within %v", err, p.Limit)
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

// Send sends a message, and copies of fds with its first byte.
func (p *Patience) Send(sock int, message []byte, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(message) > 0 {
		var n int
		err := p.try(func() (err error) {
			n, err = retry.Sendmsg(sock, message, rights, nil, unix.MSG_NOSIGNAL)
			return err
		})
		if err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		message, rights = message[n:], nil
	}
	return nil
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

// TakeTerminal hands the terminal's master out, or keeps it to relay. Nothing
// else is taken from init, which works among a container's files.
func (f *Side) TakeTerminal(master int) error {
	if err := checkMaster(master); err != nil {
		wire.Discard(master)
		return fmt.Errorf("the terminal's master: %w", err)
	}
	if f.ConsoleSocket == "" {
		var err error
		f.relay, err = terminal.NewRelay(master)
		return err
	}
	err := SendDescriptor(f.ConsoleSocket, "/dev/pts/ptmx", master)
	unix.Close(master)
	if err != nil {
		return fmt.Errorf("--console-socket: %w", err)
	}
	return nil
}

// FitTerminal gives a process's terminal the size of this process's own, from
// the beginning.
func FitTerminal(p *specs.Process) {
	if p == nil || !p.Terminal {
		return
	}
	if columns, rows := terminal.Size(); columns != 0 || rows != 0 {
		p.ConsoleSize = &specs.Box{Width: uint(columns), Height: uint(rows)}
	}
}
