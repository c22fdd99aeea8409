package libcontainer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

// adopt takes over the process that init has cloned. It is a child of this one,
// and the kernel says so: init's word is not enough.
func (c *creation) adopt() error {
	m, err := c.next(wire.Cloned)
	if err != nil {
		return err
	}
	if len(m.FDs) != 1 {
		m.Close()
		return errors.New("malformed message from init: no pidfd")
	}
	pid, err := pidOf(m.FDs[0])
	if err == nil {
		err = os.NewSyscallError("waitid", retry.Waitid(m.FDs[0], unix.WEXITED|unix.WNOHANG|unix.WNOWAIT))
	}
	if err != nil {
		m.Close()
		return err
	}
	c.terminal = false // the process is for others to see, its terminal came before
	// Init has nothing left to do. Its end takes a while, in which the process can
	// go on.
	c.former = c.init
	c.init = &spawn.Process{Pid: pid, PidFD: m.FDs[0], Conn: c.former.Conn}
	sys.Victim(c.init.PidFD)
	sys.SignalProcess(c.former.PidFD, c.former.Pid, unix.SIGKILL)
	return nil
}

// reapFormer reaps init, which has cloned the process and been told to end.
func (c *creation) reapFormer() error {
	if c.former == nil {
		return nil
	}
	_, err := c.former.Wait()
	unix.Close(c.former.PidFD)
	c.former = nil
	return err
}

// hasWord waits until init says something. Its end does not show in the socket:
// the process that it may have cloned has it, too, and waits there.
func (c *creation) hasWord() error {
	fds := []unix.PollFd{{Fd: int32(c.init.Conn.FD()), Events: unix.POLLIN}, {Fd: int32(c.init.PidFD), Events: unix.POLLIN}}
	n, err := retry.Poll(fds, c.init.Conn.Left())
	switch {
	case err != nil:
		return os.NewSyscallError("poll", err)
	case n == 0 || fds[0].Revents != 0:
		return nil
	}
	return c.lost(io.EOF)
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

// openPID opens the pid namespace that is joined last.
func (c *creation) openPID(s *plan.OpenPID) error {
	fd, err := sys.OpenNamespace(s.Path)
	if err != nil {
		return err
	}
	c.keepTree(s.Slot, plan.Tree{FD: fd})
	c.pidns, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return os.NewSyscallError("fcntl", err)
}

// joinedLast reports whether the pid namespace that a configuration has a path of can be
// joined last. Why it can't be opened is told by who joins it.
func joinedLast(spec *specs.Spec) bool {
	if spec.Linux == nil {
		return false
	}
	pid, user := -1, false
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type == specs.PIDNamespace && ns.Path != "" {
			fd, err := sys.OpenNamespace(ns.Path)
			if err != nil {
				return false
			}
			defer unix.Close(fd)
			pid = fd
		}
		user = user || ns.Type == specs.UserNamespace
	}
	return pid >= 0 && (!user || ownedByJoined(spec, pid)) && sys.ShowsPID(pid)
}

// ownedByJoined: init, in the container's user namespace by then, has no right to join a
// pid namespace that is another's.
func ownedByJoined(spec *specs.Spec, pid int) bool {
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type != specs.UserNamespace || ns.Path == "" {
			continue
		}
		user, err := sys.OpenNamespace(ns.Path)
		if err != nil {
			return false
		}
		defer unix.Close(user)
		return owns(user, pid)
	}
	return false
}

// adoptLast makes the process that init has cloned in a pid namespace the container's.
// Whoever is root in there may stop it, or trace it and hold the connection: so it has
// to answer in time.
func (c *creation) adoptLast() error {
	err := c.adopt()
	if err == nil {
		err = c.init.Conn.Bound(answerTime)
	}
	if err == nil {
		c.journal.Init, err = identify(c.init.Pid)
	}
	if err == nil {
		err = c.dir.Save(&c.journal)
	}
	return err
}

// exposed reports whether init executes in a user namespace that others are in, who may
// see it: a pid namespace hides it from all of them that is its own, or joined last.
func exposed(s *plan.Spawn) bool {
	user := slices.ContainsFunc(s.Join, func(ns plan.Namespace) bool { return ns.Type == specs.UserNamespace })
	last := slices.ContainsFunc(s.Join, func(ns plan.Namespace) bool { return ns.Last })
	return user && !last && !slices.Contains(s.New, specs.PIDNamespace)
}
