package exec

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// memoryForInit is how much memory init and what it clones can do with, in bytes, with
// Go's runtime, too.
const memoryForInit = 3 << 20

// process is a process on its way into a container.
type process struct {
	asked     *Options
	container *libcontainer.Container
	target    libcontainer.Target
	init      initlink.Init
	caller    foreground.Side
	cgroup    *cgroups.Cgroup       // nil: none
	outside   bool                  // the process is moved into its cgroup, not cloned into it
	raised    initlink.RaisedLimits // until init is made

	affinity   *unix.CPUSet // the runtime's own, if it was changed
	ownsCgroup bool         // the cgroup was made for the process
	releasedAt time.Time
}

// Cgroup is the process's.
func (e *process) Cgroup() *cgroups.Cgroup { return e.cgroup }

// TakeTerminal takes over the master of the terminal that init has made.
func (e *process) TakeTerminal(master int) error { return e.caller.TakeTerminal(master) }

// openCgroup opens the cgroup of the process, and finds out whether an init can
// live there.
func (e *process) openCgroup(paused bool) error {
	group, err := e.container.OpenCgroup()
	if err != nil {
		return err
	}
	if group == nil && e.container.Journal.Cgroup.Dir != "" {
		return e.container.CgroupGone(errors.New("cannot exec in a container that has stopped"))
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
	e.outside = paused || frozen || room < initlink.RoomForInit
	if e.outside {
		return nil
	}
	// The kernel would make room by killing, and would choose the process that uses most.
	memory, err := e.cgroup.MemoryRoom(memoryForInit)
	e.outside = memory < memoryForInit && e.cgroup.MayEnter()
	return err
}

// enter spawns init.
func (e *process) enter(s *plan.SpawnExec) error {
	defer e.raised.TakeBack()
	exposed := e.target.PIDLast < 0 && slices.Contains(e.target.Names, specs.UserNamespace)
	if err := e.init.Seal(e.container.Dir.FD(), spawn.Audience{UIDs: e.target.UIDs, Exposed: exposed}); err != nil {
		return err
	}
	if e.asked.bounded() {
		if err := e.makeOwnCgroup(); err != nil {
			return err
		}
	}
	t := &e.target
	config := &spawn.Config{Cgroup: -1, Joins: t.Joins, Stay: t.Stays(), UID: t.UID, GID: t.GID, KeepGroups: s.KeepGroups}
	if e.cgroup != nil && !s.Outside {
		config.Cgroup = e.cgroup.FD()
	}
	err := e.caller.WithPipes(func() error { return e.spawnInside(config) })
	if e.affinity != nil {
		unix.SchedSetaffinity(0, e.affinity)
	}
	return err
}

// spawnInside spawns init in the cgroup of the process or, if that takes none, where
// it is let in.
func (e *process) spawnInside(config *spawn.Config) error {
	err := e.init.Start(config, nil)
	if e.taken(resource.NotCloned(err)) {
		if err := e.useInitCgroup(err); err != nil {
			return err
		}
		config.Cgroup = e.cgroup.FD()
		err = e.init.Start(config, nil)
	}
	if !resource.NotEntered(e.cgroup, err) {
		return err
	}
	// The caller is outside of what was delegated, such as in a login session.
	if err := resource.EnterByUnit(config, e.cgroup.Path(), &e.container.Journal.Cgroup, err); err != nil {
		return err
	}
	config.Stay = false
	return e.init.Start(config, nil)
}

// moveInside moves the process into the cgroup that it could not be cloned into.
func (e *process) moveInside() error {
	err := e.cgroup.Add(e.init.Pid)
	var refused unix.Errno
	if !errors.As(err, &refused) || !e.taken(refused) {
		return err
	}
	if err := e.useInitCgroup(err); err != nil {
		return err
	}
	return e.cgroup.Add(e.init.Pid)
}

// taken reports whether the kernel let no process into the container's own cgroup, with
// that errno, because there are controllers at work in those below it.
func (e *process) taken(refused unix.Errno) bool {
	return !e.ownsCgroup && e.asked.Cgroup == "" && (refused == unix.EBUSY || refused == unix.EOPNOTSUPP)
}

// useInitCgroup: the container has put its processes into sub-cgroups, and
// handed controllers down; then no process may be in its own cgroup.
func (e *process) useInitCgroup(cause error) error {
	own, err := cgroups.Own(e.container.Journal.Init.PID)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(own, strings.TrimSuffix(e.cgroup.Path(), "/")+"/") {
		return fmt.Errorf("cgroup %q accepts no process, and init's %q is not below it: %w", e.cgroup.Path(), own, cause)
	}
	group, err := e.cgroup.Below(strings.TrimPrefix(own, e.cgroup.Path()))
	if err != nil {
		return err
	}
	e.cgroup.Close()
	e.cgroup = group
	return nil
}

// sendPlan sends init its half of the plan.
func (e *process) sendPlan() error {
	slots := make([]plan.Tree, specconv.ExecSlots)
	slots[specconv.SlotPID] = plan.Tree{FD: e.target.PIDLast}
	slots[specconv.SlotProc] = plan.Tree{FD: -1}
	slots[specconv.SlotRoot] = plan.Tree{FD: e.target.Root}
	for _, item := range e.init.Plan.Init {
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
	return e.init.SendPlan(wire.Opening{Trees: slots, PreserveFDs: e.asked.PreserveFDs, Holes: e.asked.Holes})
}

// sendListener hands the listener to the agent.
func (e *process) sendListener(s *plan.SendListener) error {
	status, pid, err := e.container.Status()
	if err != nil {
		return err
	}
	st := e.container.Journal.Container.HookState(status, pid)
	return e.caller.SendListener(&e.init, s, &st)
}

// release lets the process execute, if the container is still there, and waits
// until it has: then the socket ends.
func (e *process) release() error {
	if socket := e.asked.PidfdSocket; socket != "" {
		if err := foreground.SendDescriptor(socket, "setns", e.init.PidFD); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if gone, err := retry.Readable(e.target.PidFD, 0); err != nil || gone {
		if err != nil {
			return os.NewSyscallError("poll", err)
		}
		return errors.New("cannot exec in a container that has stopped")
	}
	// From here on the container decides how long it takes: it may be frozen.
	e.releasedAt = time.Now()
	if _, err := retry.Write(e.init.Conn.FD(), []byte{1}); err != nil {
		return os.NewSyscallError("write", err)
	}
	if err := e.init.Reap(); err != nil {
		return err
	}
	err := e.init.Executed(e.hasSaid)
	var failed *plan.StepError
	var f *wire.Failure
	if e.asked.Detach && errors.As(err, &failed) && errors.As(err, &f) && f.Refused {
		e.asked.warn(libcontainer.Refusal(failed))
		return nil
	}
	return err
}

// hasSaid waits until the process executes, and so ends the socket, or says why it
// can't. It returns false if it has ended without either.
func (e *process) hasSaid() (bool, error) {
	fds := []unix.PollFd{{Fd: int32(e.init.Conn.FD()), Events: unix.POLLIN}, {Fd: int32(e.init.PidFD), Events: unix.POLLIN}}
	n, err := retry.Poll(fds, e.leftOf(e.asked.Timeout))
	switch {
	case err != nil:
		return false, os.NewSyscallError("poll", err)
	case n == 0:
		return false, e.init.At(fmt.Errorf("the process did not come to execute within %s: the container does not let it run", e.asked.Timeout))
	}
	if fds[0].Revents == 0 { // a process that can trace it has kept its end of the socket
		return false, nil
	}
	e.init.Conn.Extend(initlink.AnswerTime)
	return true, nil
}

// setAffinity puts the process, or until it is spawned the runtime, on CPUs.
func (e *process) setAffinity(s *plan.SetAffinity) error {
	pid := 0
	if s.Myself {
		e.affinity = new(unix.CPUSet)
		if err := unix.SchedGetaffinity(0, e.affinity); err != nil {
			return os.NewSyscallError("sched_getaffinity", err)
		}
	} else {
		pid = e.init.Pid
	}
	return sys.SetAffinity(pid, s.Mask)
}
