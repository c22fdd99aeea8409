package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// answerTime bounds how long init may take for all it does: what it works in is
// in the hands of the container.
const answerTime = time.Minute

// held is that it takes longer.
func held() error {
	return fmt.Errorf("no word from init for %s: the container does not let it run", answerTime)
}

// roomForInit is how many processes and threads init, the process it clones and, until
// init has come to its end, what that process makes at once need. It includes the
// threads of Go's runtime, for an init that has it.
const roomForInit = 10

// memoryForInit is how much memory they can do with, in bytes, with Go's runtime, too.
const memoryForInit = 3 << 20

// execution is a process on its way into a container. It shares with creation
// how an init is talked to; its container is there already.
type execution struct {
	creation
	asked     *ExecOptions
	container *Container
	target    target
	outside   bool // the process is moved into its cgroup, not born there

	affinity unix.CPUSet // the runtime's own, if it was changed
	moved    bool
	own      bool      // the cgroup is the process's, made for it
	began    time.Time // when it was released
	listener int       // of the filter, -1 unless it is to be sent
}

// openCgroup opens the cgroup of the process, and finds out whether an init can
// live there.
func (e *execution) openCgroup(paused bool) error {
	group, err := e.container.openCgroup()
	if err != nil {
		return err
	}
	if group == nil && e.container.journal.Cgroup.Dir != "" {
		return e.container.cgroupGone(errors.New("cannot exec in a container that has stopped"))
	}
	if group == nil {
		if e.asked.Cgroup != "" {
			return errors.New("--cgroup: the container has no cgroup of its own")
		}
		return nil
	}
	e.cgroup = group
	if sub := e.asked.Cgroup; strings.Trim(sub, "/") != "" {
		if e.cgroup, err = group.Below(sub); err != nil {
			group.Close()
			return fmt.Errorf("--cgroup: %w", err)
		}
		group.Close()
	}
	frozen, err := e.cgroup.Frozen()
	if err != nil {
		return err
	}
	if (paused || frozen) && !e.asked.IgnorePaused {
		return errors.New("cannot exec in a paused container (use --ignore-paused to override)")
	}
	room, err := e.cgroup.PidsRoom()
	if err != nil {
		return err
	}
	if room == 0 {
		return errors.New("cannot exec: the container has as many processes and threads as pids.max allows")
	}
	e.outside = paused || frozen || room < roomForInit
	if e.outside {
		return nil
	}
	// The kernel would make room by killing, and not us but who has most.
	memory, err := e.cgroup.MemoryRoom(memoryForInit)
	e.outside = memory < memoryForInit && e.cgroup.MayEnter()
	return err
}

// enter spawns init.
func (e *execution) enter(s *plan.Enter) error {
	defer e.takeBackRlimits()
	var err error
	exposed := e.target.pid < 0 && slices.Contains(e.target.names, specs.UserNamespace)
	if e.self, err = spawn.SealedSelf(e.dir.FD(), spawn.Audience{UIDs: e.target.uids, Exposed: exposed}); err != nil {
		return fmt.Errorf("seal the runtime's binary: %w", err)
	}
	if e.asked.bounded() {
		if err := e.makeOwnCgroup(); err != nil {
			return err
		}
	}
	t := &e.target
	e.spawned = &spawn.Config{
		Exe: e.self.FD, Args: []string{initproc.Name}, Cgroup: -1,
		Joins: t.joins, Stay: t.stays(), UID: t.uid, GID: t.gid, KeepGroups: s.KeepGroups,
	}
	if e.cgroup != nil && !s.Outside {
		e.spawned.Cgroup = e.cgroup.FD()
	}
	err = e.withPipes(e.spawnInside)
	if e.moved {
		unix.SchedSetaffinity(0, &e.affinity)
	}
	if err != nil {
		return err
	}
	return e.init.Conn.Bound(answerTime)
}

// giveStdio goes by the container's ids: where its init stays, it may not be in the
// namespace yet.
func (e *execution) giveStdio(s *plan.GiveStdio) error {
	return e.creation.giveStdio(s, e.target.uids)
}

// spawnInside spawns init in the cgroup of the process or, if that takes none, where
// it is let in.
func (e *execution) spawnInside() error {
	var err error
	e.init, err = e.startSpawn(e.spawned)
	if e.taken(notBorn(err)) {
		if err := e.takeInitsCgroup(err); err != nil {
			return err
		}
		e.spawned.Cgroup = e.cgroup.FD()
		e.init, err = spawn.Start(e.spawned)
	}
	if notEntered(e.cgroup, err) {
		err = e.enterByUnit(err)
	}
	return err
}

// enterByUnit has systemd move the process: a user who calls from outside of what
// was delegated to him, from a login session, may not clone from there to here.
func (e *execution) enterByUnit(cause error) error {
	of := &e.container.journal.Cgroup
	cgroup := e.cgroup.Path()
	if of.Unit == "" && unitOf(cgroup) == "" {
		return notFromHere(cause, cgroup)
	}
	e.spawned.Cgroup, e.spawned.Stay = -1, false
	e.spawned.Place = func(pid int) error { return attach(of.User || of.Unit == "", of.Unit, cgroup, pid) }
	var err error
	e.init, err = spawn.Start(e.spawned)
	return err
}

// moveInside moves the process to where it could not be born.
func (e *execution) moveInside() error {
	err := e.cgroup.Add(e.init.Pid)
	var refused unix.Errno
	if !errors.As(err, &refused) || !e.taken(refused) {
		return err
	}
	if err := e.takeInitsCgroup(err); err != nil {
		return err
	}
	return e.cgroup.Add(e.init.Pid)
}

// taken reports whether the kernel let no process into the container's own cgroup, with
// that errno, because there are controllers at work in those below it.
func (e *execution) taken(refused unix.Errno) bool {
	return !e.own && e.asked.Cgroup == "" && (refused == unix.EBUSY || refused == unix.EOPNOTSUPP)
}

// takeInitsCgroup: the container has put its processes into sub-cgroups, and
// handed controllers down; then no process may be in its own cgroup.
func (e *execution) takeInitsCgroup(cause error) error {
	own, err := cgroups.Own(e.container.journal.Init.PID)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(own, strings.TrimSuffix(e.cgroup.Path(), "/")+"/") {
		return fmt.Errorf("cgroup %q takes no process, and init's %q is not below it: %w", e.cgroup.Path(), own, cause)
	}
	group, err := e.cgroup.Below(strings.TrimPrefix(own, e.cgroup.Path()))
	if err != nil {
		return err
	}
	e.cgroup.Close()
	e.cgroup = group
	return nil
}

// brief sends init its half of the plan.
func (e *execution) brief() error {
	slots := make([]plan.Tree, specconv.ExecSlots)
	slots[specconv.SlotPID] = plan.Tree{FD: e.target.pid}
	slots[specconv.SlotProc] = plan.Tree{FD: -1}
	slots[specconv.SlotRoot] = plan.Tree{FD: e.target.root}
	for _, item := range e.plan.Init {
		if _, ok := item.Step.(*plan.OwnProc); !ok {
			continue
		}
		own, err := sys.HostProcess(e.init.Pid)
		if err != nil {
			return err
		}
		defer own.Close()
		slots[specconv.SlotProc].FD = own.FD()
	}
	return e.send(wire.Opening{Trees: slots, PreserveFDs: e.asked.PreserveFDs, Holes: e.asked.Holes})
}

// takeListener takes the listener from init, which goes on: the filter is one
// that asks nobody before the process executes.
func (e *execution) takeListener() error {
	m, err := e.next(wire.Listener)
	if err != nil {
		return err
	}
	if err := checkListener(m.FDs); err != nil {
		m.Close()
		return err
	}
	e.listener = m.FDs[0]
	return e.letGo()
}

// sendListener hands it to the agent.
func (e *execution) sendListener(s *plan.SendListener) error {
	status, pid, err := e.container.Status()
	if err != nil {
		return err
	}
	st := e.container.journal.Container.HookState(status, pid)
	err = sendDescriptor(s.Path, string(processState(&st, e.init.Pid, s.Metadata)), e.listener)
	unix.Close(e.listener) // or the agent's end would not be the end of it
	e.listener = -1
	return err
}

// release lets the process execute, if the container is still there, and waits
// until it has: then the socket ends.
func (e *execution) release() error {
	if socket := e.asked.PidfdSocket; socket != "" {
		if err := sendDescriptor(socket, "setns", e.init.PidFD); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if gone, err := retry.Readable(e.target.pidfd, 0); err != nil || gone {
		if err != nil {
			return os.NewSyscallError("poll", err)
		}
		return errors.New("cannot exec in a container that has stopped")
	}
	// From here on the container decides how long it takes: it may be frozen.
	e.began = time.Now()
	if _, err := retry.Write(e.init.Conn.FD(), []byte{1}); err != nil {
		return os.NewSyscallError("write", err)
	}
	if err := e.reapFormer(); err != nil {
		return err
	}
	said, err := e.hasSaid()
	if err != nil {
		return err
	}
	if !said { // it has ended, and somebody who may trace it has kept its end of the socket
		return e.closed()
	}
	e.init.Conn.Extend(answerTime)
	m, err := e.init.Conn.Recv()
	if errors.Is(err, io.EOF) {
		return e.closed()
	}
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Kind != wire.Failed {
		return fmt.Errorf("unexpected message %d from the process", m.Kind)
	}
	return e.lastFailed(m.Payload)
}

// closed is for a process that says nothing more: it executes, or it was killed before it
// came to that.
func (e *execution) closed() error {
	if step := e.progress.Step(); 0 <= step && step < len(e.plan.Init)-1 {
		return e.lost(io.EOF)
	}
	e.self.Close()
	return nil
}

// hasSaid waits until the process executes, and so ends the socket, or says why it
// can't. It returns false if it has ended without either.
func (e *execution) hasSaid() (bool, error) {
	fds := []unix.PollFd{{Fd: int32(e.init.Conn.FD()), Events: unix.POLLIN}, {Fd: int32(e.init.PidFD), Events: unix.POLLIN}}
	n, err := retry.Poll(fds, e.leftOf(e.asked.Timeout))
	switch {
	case err != nil:
		return false, os.NewSyscallError("poll", err)
	case n == 0:
		return false, e.at(e.progress.Step(), fmt.Errorf("the process did not come to execute within %s: the container does not let it run", e.asked.Timeout))
	}
	return fds[0].Revents != 0, nil
}

// lastFailed names the step at which the cloned process failed.
func (e *execution) lastFailed(payload []byte) error {
	f, err := wire.DecodeFailure(payload)
	if err != nil {
		return err
	}
	failed := e.failedAt(f)
	failed.Root = "/proc/" + strconv.Itoa(e.container.journal.Init.PID) + "/root"
	if !f.Refused {
		return failed
	}
	if e.asked.Detach {
		e.opts.warn(refusal(failed))
		return nil
	}
	return failed
}

// setAffinity puts the process, or until it is spawned the runtime, on CPUs.
func (e *execution) setAffinity(s *plan.SetAffinity) error {
	pid := 0
	if s.Myself {
		if err := unix.SchedGetaffinity(0, &e.affinity); err != nil {
			return os.NewSyscallError("sched_getaffinity", err)
		}
		e.moved = true
	} else {
		pid = e.init.Pid
	}
	return sys.SetAffinity(pid, s.Mask)
}

func setScheduler(pid int, s *plan.SetScheduler) error {
	attr := s.Attr()
	return os.NewSyscallError("sched_setattr", unix.SchedSetAttr(pid, &attr, 0))
}
