package initlink

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// Adopt takes over the process that init has cloned. It is a child of this one,
// and the kernel says so: init's message is not enough.
func (i *Init) Adopt() error {
	fd, err := i.Receive(wire.Cloned, "pidfd")
	if err != nil {
		return err
	}
	pid, err := pidOf(fd)
	if err == nil {
		err = os.NewSyscallError("waitid", retry.Waitid(fd, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT))
	}
	if err != nil {
		wire.Discard(fd)
		return err
	}
	i.terminal = false // the process is for others to see, its terminal came before
	// Init has nothing left to do. Its end takes a while, in which the process can
	// go on.
	i.former = i.Process
	i.Process = &spawn.Process{Pid: pid, PidFD: fd, Conn: i.former.Conn}
	i.Trace.born(pid)
	sys.Victim(fd)
	sys.SignalProcess(i.former.PidFD, i.former.Pid, unix.SIGKILL)
	return nil
}

// Reap reaps an init that has cloned the process, and was killed for that.
func (i *Init) Reap() error {
	if i.former == nil {
		return nil
	}
	_, err := i.former.Wait()
	unix.Close(i.former.PidFD)
	i.former = nil
	return err
}

// hasWord waits until init says something. Its end does not show in the socket:
// the process that it may have cloned has it, too, and waits there.
func (i *Init) hasWord() error {
	fds := []unix.PollFd{{Fd: int32(i.Conn.FD()), Events: unix.POLLIN}, {Fd: int32(i.PidFD), Events: unix.POLLIN}}
	n, err := retry.Poll(fds, i.Conn.Left())
	switch {
	case err != nil:
		return os.NewSyscallError("poll", err)
	case n == 0 || fds[0].Revents != 0:
		return nil
	}
	return i.Lost(io.EOF)
}

// pidOf reads the pid of a pidfd's process, see pidfd_open(2).
func pidOf(pidfd int) (int, error) {
	data, err := sys.ReadFile("/proc/self/fdinfo/"+strconv.Itoa(pidfd), 4096)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		if text, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
			pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
			if err == nil && pid > 0 {
				return pid, nil
			}
		}
	}
	return 0, errors.New("init has sent something else than a pidfd")
}
