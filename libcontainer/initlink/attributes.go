package initlink

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// reworded is an error in other words than the kernel's: engines take some of those for what execve(2) answers.
type reworded struct {
	text string
	error
}

func (e *reworded) Error() string { return e.text }

func (e *reworded) Unwrap() error { return e.error }

// SetOOMScoreAdj writes it from outside: a container's init is not allowed to lower it.
func SetOOMScoreAdj(pid int, s *plan.SetOOMScoreAdj) error {
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	err = proc.Write(strconv.Itoa(pid)+"/oom_score_adj", strconv.Itoa(s.Value))
	if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return err
	}
	if s.BestEffort {
		return nil
	}
	// "permission denied" is for engines what execve answers (exit code 126).
	return &reworded{"lowering it requires CAP_SYS_RESOURCE, which the runtime does not have", err}
}

// RaisedLimits are the runtime's own limits that are raised until init is made.
type RaisedLimits []raisedLimit

// raisedLimit is a limit of the runtime's as it was.
type raisedLimit struct {
	resource int
	old      unix.Rlimit
}

// Raise raises the hard limits that init will need to set its own: only the
// runtime may have the privilege. Nothing is lowered yet. Init inherits them: while
// it starts, Go sets limits that it has read before, and would take back what is
// raised meanwhile from outside.
func (r *RaisedLimits) Raise(s *plan.RaiseRlimits) error {
	for _, l := range s.Limits {
		var old unix.Rlimit
		if err := unix.Prlimit(0, l.Resource, nil, &old); err != nil {
			return os.NewSyscallError("prlimit", err)
		}
		if old.Max >= l.Hard {
			continue
		}
		if err := sys.SetRlimit(l.Resource, unix.Rlimit{Cur: old.Cur, Max: l.Hard}); err != nil {
			return fmt.Errorf("error setting rlimit %s: raise the hard limit to %d: %w", l.Type, l.Hard, err)
		}
		*r = append(*r, raisedLimit{l.Resource, old})
	}
	return nil
}

// TakeBack: hooks have the caller's limits. Lowering takes no privilege.
func (r *RaisedLimits) TakeBack() {
	for _, l := range *r {
		sys.SetRlimit(l.resource, l.old)
	}
	*r = nil
}

// SetScheduler sets the scheduling policy of a process, see sched_setattr(2).
func SetScheduler(pid int, s *plan.SetScheduler) error {
	attr := s.Attr()
	return os.NewSyscallError("sched_setattr", unix.SchedSetAttr(pid, &attr, 0))
}
