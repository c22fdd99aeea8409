package libcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// notifyTimeout is how long systemd may take to handle a message.
const notifyTimeout = 30 * time.Second

// ErrNotReady means that the container's process has ended before it was ready.
var ErrNotReady = errors.New("container process exited before it reported that it is ready (READY=1, see sd_notify(3))")

// Notifier relays the message of a container that is a service of systemd: that
// it is ready, see sd_notify(3). The container does not get to systemd's own
// socket, where it could say anything.
type Notifier struct {
	sock int    // where the container sends to
	host string // systemd's socket: NOTIFY_SOCKET of this process
}

// NewNotifier listens on the socket that the container sends to. host is systemd's.
func NewNotifier(dir *state.Dir, host string) (*Notifier, error) {
	sock, err := dir.ListenNotify()
	if err != nil {
		return nil, err
	}
	return &Notifier{sock: sock, host: host}, nil
}

// Close closes the socket.
func (n *Notifier) Close() { unix.Close(n.sock) }

// Relay waits until the container is ready, and notifies systemd. mainPID, if it
// is not 0, is sent as the process that systemd should watch instead of this
// one. The error is errNotReady if init, a pidfd, ends before.
func (n *Notifier) Relay(init, mainPID int) error {
	buf := make([]byte, 4096) // systemd reads no more, either
	for {
		fds := []unix.PollFd{{Fd: int32(n.sock), Events: unix.POLLIN}, {Fd: int32(init), Events: unix.POLLIN}}
		if _, err := retry.Poll(fds, -1); err != nil {
			return os.NewSyscallError("poll", err)
		}
		if fds[0].Revents == 0 {
			return ErrNotReady
		}
		// Without room for them, descriptors beside the message are closed.
		size, _, err := retry.Recvfrom(n.sock, buf, 0)
		switch err {
		case nil:
		case unix.EAGAIN:
			continue
		default:
			return os.NewSyscallError("recvfrom", err)
		}
		if ready := readyLine(buf[:size]); ready != nil {
			if err := n.tell(ready, init, mainPID); err != nil {
				return fmt.Errorf("notify systemd that the container is ready: %w", err)
			}
			return nil
		}
	}
}

// readyLine finds the assignment of READY in a message, nil if it has none.
func readyLine(message []byte) []byte {
	for line := range bytes.Lines(message) {
		if bytes.HasPrefix(line, []byte("READY=")) {
			return bytes.TrimRight(line, "\n")
		}
	}
	return nil
}

// tell notifies systemd, and waits until it has handled the message: once this process has
// exited, systemd may be unable to find out which process the message was from. The end of init ends that.
func (n *Notifier) tell(ready []byte, init, mainPID int) error {
	wait := foreground.Patience{Limit: notifyTimeout, Stop: func() error {
		if ended, err := retry.Readable(init, 0); err != nil || ended {
			return ErrNotReady
		}
		return nil
	}}
	sock, err := wait.Dial(n.host, unix.SOCK_DGRAM)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	messages := [][]byte{append(ready, '\n')}
	if mainPID != 0 {
		messages = append(messages, []byte("MAINPID="+strconv.Itoa(mainPID)+"\n"))
	}
	for _, m := range messages {
		if err := wait.Send(sock, m); err != nil {
			return err
		}
	}
	return barrier(&wait, sock, init)
}

// barrier sends a pipe that systemd closes when it has worked through what was
// sent before, see sd_notify_barrier(3). That this is not in time is not an
// error: the message was sent.
func barrier(p *foreground.Patience, sock, init int) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(pipe[0])
	err := p.Send(sock, []byte("BARRIER=1"), pipe[1])
	unix.Close(pipe[1])
	if err != nil {
		return err
	}
	_, err = retry.Poll([]unix.PollFd{{Fd: int32(pipe[0])}, {Fd: int32(init), Events: unix.POLLIN}}, p.Limit)
	return os.NewSyscallError("poll", err)
}
