package initproc

import (
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/hooks"
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// runHooks runs hooks with the pid that the container itself sees.
func (c *container) runHooks(index int, s *plan.Hooks) error {
	c.allowHugePages()
	text, log := []byte(s.Before+strconv.Itoa(os.Getpid())+s.After), c.hookLog(s.Log)
	list := make([]specs.Hook, len(s.Hooks))
	for i, h := range s.Hooks {
		list[i] = specs.Hook{Path: h.Path, Args: h.Args}
		if !h.ProcessEnv {
			list[i].Env = append([]string{}, h.Env...)
		}
		if h.Timeout > 0 {
			list[i].Timeout = &h.Timeout
		}
	}
	var err error
	if s.Confined {
		err = log.RunConfined(s.Kind, list, text, c.env, c.confinement(index))
	} else {
		dir := s.Dir
		if unix.Access(dir, unix.X_OK) == unix.EACCES {
			dir = "/" // a directory above the bundle is closed to root of the user namespace
		}
		err = log.Run(s.Kind, list, text, dir, nil)
	}
	if err != nil {
		return &wire.Whole{Err: err}
	}
	return nil
}

// hookLog finds the files that the parent has opened for hooks' output.
func (c *container) hookLog(s plan.HookLog) (log hooks.Log) {
	for _, f := range [...]struct {
		slot int
		fd   *int
	}{{s.Stdout, &log.Stdout}, {s.Stderr, &log.Stderr}} {
		if 0 < f.slot && f.slot <= len(c.slots) {
			*f.fd = c.slots[f.slot-1].FD
		}
	}
	return log
}

// confinement is what the container's process will be under, of which this one,
// with Go's runtime in it, takes on nothing before its own execve.
func (c *container) confinement(index int) (under sys.Confinement) {
	for _, step := range c.steps[index+1:] {
		switch s := step.(type) {
		case *plan.SetRlimits:
			under.Limits = limits(s)
		case *plan.LoadSeccomp:
			under.Filter, under.Flags = s.Filter, filterFlags(s)
		}
	}
	return under
}
