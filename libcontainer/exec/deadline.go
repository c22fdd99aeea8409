package exec

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// Exit codes of an exec that took too long, as in timeout(1).
const (
	exitTimedOut = 124 // its processes ended when asked to
	exitKilled   = 137 // they had to be killed
)

// bounded reports whether the process gets a cgroup of its own, below the container's,
// in which it and its descendants can be killed and counted.
func (o *Options) bounded() bool { return o.Timeout > 0 || o.Report != "" }

// used is the content of the report.
type used struct {
	status           unix.WaitStatus
	timedOut, killed bool
	wall             time.Duration
	stats            cgroups.Stats
	left             int  // processes that live on
	leftCgroup       bool // the process: of what came of it there, nothing is counted
}

// attendBounded waits for the process, at most as long as it may take, and
// reports.
func (e *process) attendBounded() (int, error) {
	var u used
	var err error
	if u.timedOut, err = e.ending.outlives(e.asked.Timeout); err == nil && u.timedOut {
		u.killed, err = e.ending.end(e.asked.KillAfter)
	}
	if err != nil {
		return -1, err
	}
	// Until it is reaped it is where it was last.
	there, err := e.place.cgroup.Has(e.init.Pid)
	if err != nil {
		return -1, err
	}
	u.leftCgroup = !there
	if u.status, err = foreground.Wait(e.init.Pid); err != nil {
		return -1, err
	}
	u.wall = time.Since(e.ending.releasedAt)
	if u.killed {
		e.ending.emptyUntil(time.Now().Add(libcontainer.DeathWait)) // the last of them may still be on its way out
	}
	if e.asked.Report != "" {
		err = e.report(&u)
	}
	switch {
	case u.killed:
		return exitKilled, err
	case u.timedOut:
		return exitTimedOut, err
	}
	return foreground.ExitCode(u.status), err
}

// ending waits for the end of a process, and ends it with all that has come of it.
type ending struct {
	init       *initlink.Init
	place      *place
	releasedAt time.Time
}

// outlives waits for the end of the process, and reports whether the time was up
// before. A limit of 0 is none.
func (e *ending) outlives(limit time.Duration) (bool, error) {
	ended, err := retry.Readable(e.init.PidFD, e.leftOf(limit))
	return !ended, os.NewSyscallError("poll", err)
}

// leftOf returns how much is left of a limit on the time since the process was
// released; negative, as poll(2) has it, if the limit is 0, which is none.
func (e *ending) leftOf(limit time.Duration) time.Duration {
	if limit == 0 {
		return -1
	}
	return max(time.Until(e.releasedAt.Add(limit)), 0)
}

// endsUntil waits for the end of the process, and reports whether it came by the
// deadline.
func (e *ending) endsUntil(deadline time.Time) (bool, error) {
	ended, err := retry.Readable(e.init.PidFD, max(time.Until(deadline), 0))
	return ended, os.NewSyscallError("poll", err)
}

// end ends all that has come of the process: with SIGTERM and, what has not gone
// after grace, with SIGKILL. The process itself is ended wherever it is: if the
// container's cgroup is the container's to manage, it may have left its own.
func (e *ending) end(grace time.Duration) (killed bool, err error) {
	deadline := time.Now().Add(grace)
	if err := e.terminate(); err != nil {
		return false, err
	}
	empty, err := e.emptyUntil(deadline)
	if err != nil {
		return false, err
	}
	if empty {
		if ended, err := e.endsUntil(deadline); ended || err != nil {
			return false, err
		}
	}
	if err := e.place.cgroup.Kill(); err != nil && !errors.Is(err, cgroups.ErrNotExist) {
		return true, err
	}
	if err := e.signal(unix.SIGKILL); err != nil {
		return true, err
	}
	if ended, err := e.endsUntil(time.Now().Add(libcontainer.DeathWait)); err != nil || !ended {
		return true, errors.Join(err, fmt.Errorf("process %d was killed, and has not ended within %s", e.init.Pid, libcontainer.DeathWait))
	}
	return true, nil
}

// terminate asks all to end that are in the cgroup, and the process.
func (e *ending) terminate() error {
	pids, err := e.place.cgroup.Procs()
	if err != nil && !errors.Is(err, cgroups.ErrNotExist) {
		return err
	}
	for _, pid := range pids {
		if pid == e.init.Pid {
			continue
		}
		if err := libcontainer.SignalMember(e.place.cgroup, pid, unix.SIGTERM); err != nil {
			return err
		}
	}
	return e.signal(unix.SIGTERM)
}

// signal signals the process.
func (e *ending) signal(sig unix.Signal) error {
	return libcontainer.Signal(e.init.PidFD, e.init.Pid, sig)
}

// emptyUntil waits until nothing is left in the cgroup, and reports whether that was
// so by the deadline. A cgroup that was removed has nothing in it.
func (e *ending) emptyUntil(deadline time.Time) (empty bool, err error) {
	defer func() {
		if errors.Is(err, cgroups.ErrNotExist) {
			empty, err = true, nil
		}
	}()
	watch, err := e.place.cgroup.Watch("cgroup.events")
	if err != nil {
		return false, err
	}
	defer watch.Close()
	for {
		populated, err := e.place.cgroup.Populated()
		if err != nil || !populated {
			return err == nil, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false, nil
		}
		if _, err := watch.Wait(left); err != nil {
			return false, err
		}
	}
}

// report writes what the process has used: one JSON object. Times are in
// microseconds, sizes in bytes. What no controller counts is not in it.
func (e *process) report(u *used) error {
	var err error
	if u.stats, err = e.place.cgroup.Stats(); err != nil && !errors.Is(err, cgroups.ErrNotExist) {
		return fmt.Errorf("--report: %w", err)
	}
	pids, err := e.place.cgroup.Procs()
	if err != nil && !errors.Is(err, cgroups.ErrNotExist) {
		return fmt.Errorf("--report: %w", err)
	}
	u.left = len(pids)
	if err := e.caller.Outputs.Report.Write(u.encode(e.container.Journal.Container.ID), 0o644); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}

func (u *used) encode(id string) []byte {
	w := jsontext.NewWriter("  ")
	w.Object()
	w.Key("id").Text(id)
	if u.status.Signaled() {
		w.Key("signal").Int(int64(u.status.Signal()))
	} else {
		w.Key("exitCode").Int(int64(u.status.ExitStatus()))
	}
	w.Key("timedOut").Bool(u.timedOut)
	w.Key("killed").Bool(u.killed)
	w.Key("wall").Int(u.wall.Microseconds())
	if cpu := u.stats.CPU; cpu != nil {
		w.Key("cpu").Object()
		w.Key("usage").Uint(cpu.Usage)
		w.Key("user").Uint(cpu.User)
		w.Key("system").Uint(cpu.System)
		w.End()
	}
	if m := u.stats.Memory; m != nil && m.Peak > 0 {
		w.Key("memoryPeak").Uint(m.Peak)
	}
	if p := u.stats.Pids; p != nil && p.Peak > 0 {
		w.Key("pidsPeak").Uint(p.Peak)
	}
	w.Key("left").Int(int64(u.left))
	w.Key("leftCgroup").Bool(u.leftCgroup)
	w.End()
	return append(w.Bytes(), '\n')
}
