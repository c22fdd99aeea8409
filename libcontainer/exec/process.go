package exec

import (
	"errors"
	"fmt"
	"os"
	"slices"
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

// process is a process on its way into a container.
type process struct {
	asked     *Options
	container *libcontainer.Container
	target    libcontainer.Target
	init      initlink.Init
	caller    foreground.Side
	place     place // where the process is to be
	ending    ending
	raised    initlink.RaisedLimits // until init is made

	affinity *unix.CPUSet // the runtime's own, if it was changed
}

// Cgroup is the process's.
func (e *process) Cgroup() *cgroups.Cgroup { return e.place.cgroup }

// TakeTerminal takes over the master of the terminal that init has made.
func (e *process) TakeTerminal(master int) error { return e.caller.TakeTerminal(master) }

// enter spawns init.
func (e *process) enter(s *plan.SpawnExec) error {
	defer e.raised.TakeBack()
	exposed := e.target.PIDLast < 0 && slices.Contains(e.target.Names, specs.UserNamespace)
	if err := e.init.Seal(e.container.Dir.FD(), spawn.Audience{UIDs: e.target.UIDs, Exposed: exposed}); err != nil {
		return err
	}
	if e.asked.bounded() {
		if err := e.place.makeOwn(); err != nil {
			return err
		}
	}
	t := &e.target
	config := &spawn.Config{Cgroup: -1, Joins: t.Joins, Stay: t.Stays(), UID: t.UID, GID: t.GID, KeepGroups: s.KeepGroups}
	if cgroup := e.place.cgroup; cgroup != nil && !s.Outside {
		config.Cgroup = cgroup.FD()
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
	if e.place.taken(resource.NotCloned(err)) {
		if err := e.place.useInitCgroup(err); err != nil {
			return err
		}
		config.Cgroup = e.place.cgroup.FD()
		err = e.init.Start(config, nil)
	}
	if !resource.NotEntered(e.place.cgroup, err) {
		return err
	}
	// The caller is outside of what was delegated, such as in a login session.
	if err := resource.EnterByUnit(config, e.place.cgroup.Path(), &e.container.Journal.Cgroup, err); err != nil {
		return err
	}
	config.Stay = false
	return e.init.Start(config, nil)
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
	e.ending.releasedAt = time.Now()
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
	n, err := retry.Poll(fds, e.ending.leftOf(e.asked.Timeout))
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
