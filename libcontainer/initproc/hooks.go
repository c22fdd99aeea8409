package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// runHooks runs hooks with the pid that the container itself sees.
func (c *container) runHooks(s *plan.Hooks) error {
	var pid raw.Text
	pid.AddInt(raw.Getpid())
	in := hooks.Inside{Kind: s.Kind, State: [3]string{s.Before, pid.String(), s.After},
		Log: hooks.Log{Stdout: c.logs[0], Stderr: c.logs[1]}}
	var limits [maxLimits]sys.Limit
	if s.Confined {
		n := c.confinement(&in.Under, &limits)
		in.Under.Limits = limits[:n]
	}
	if s.Dir != "" {
		var err error
		if in.Dir, err = openHookDir(s.Dir); err != nil {
			return err
		}
	}
	err := c.runEach(&in, s.Hooks)
	if s.Dir != "" {
		raw.Close(in.Dir)
	}
	return err
}

func (c *container) runEach(in *hooks.Inside, list []plan.Hook) error {
	for i := range list {
		h := &list[i]
		env := codec.Pointers(h.Env)
		if h.ProcessEnv {
			env = c.env
		}
		program := sys.ProgramOf(codec.Pointer(h.Path), codec.Pointers(h.Args), env)
		if err := in.Run(i, h.Path, &program, h.Timeout); err != nil {
			return err
		}
	}
	return nil
}

// openHookDir opens the working directory of hooks. One above the bundle may be closed
// to root of the user namespace.
func openHookDir(path string) (int, error) {
	if raw.Access(unix.AT_FDCWD, path, unix.X_OK, 0) == unix.EACCES {
		path = "/"
	}
	fd, errno := raw.Open(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errno != 0 {
		return -1, fault.Path("open", path, errno)
	}
	return fd, nil
}

// findLogs finds the files that the parent has opened for hooks' output, the same for all
// of them. Slots are counted from 1; 0: none.
func (c *container) findLogs() {
	at, found := c.find(plan.KindHooks, 0, c.count)
	if !found {
		return
	}
	var s plan.Hooks
	s.Code(&at)
	for i, slot := range [...]int{s.Log.Stdout, s.Log.Stderr} {
		if 0 < slot && slot <= len(c.opening.Trees) {
			c.logs[i] = c.opening.Trees[slot-1].FD
		}
	}
}

// maxLimits is how many limits there are, RLIM_NLIMITS.
const maxLimits = 16

// confinement is what the container's process will be under, of which this one
// takes on nothing before its own execve. It returns the number of limits.
func (c *container) confinement(under *sys.Confinement, limits *[maxLimits]sys.Limit) (n int) {
	if at, found := c.find(plan.KindSetRlimits, c.index, c.count); found {
		var s plan.SetRlimits
		s.Code(&at)
		for n < min(len(s.Limits), maxLimits) {
			l := &s.Limits[n]
			limits[n] = sys.Limit{Name: l.Type, Resource: l.Resource, Limit: unix.Rlimit{Cur: l.Soft, Max: l.Hard}}
			n++
		}
	}
	if at, found := c.find(plan.KindLoadSeccomp, c.index, c.count); found {
		var s plan.LoadSeccomp
		s.Code(&at)
		under.Filter, under.Flags = s.Filter, filterFlags(&s)
	}
	return n
}
