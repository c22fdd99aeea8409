package plan

import (
	"fmt"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Sync reports to the parent that init has reached a phase. After Born and Mounted
// init waits for the parent's continue.
type Sync struct {
	Phase Phase
	Quiet bool // the parent does nothing that depends on it: only wait
}

func (*Sync) InitKind() Kind { return KindSync }

func (s *Sync) Code(c *codec.Coder) {
	v := uint32(s.Phase)
	c.U32(&v)
	s.Phase = Phase(v)
	c.Flag(&s.Quiet)
}

func (s *Sync) String() string {
	switch {
	case s.Quiet && s.Phase == Done:
		return "end"
	case s.Quiet:
		return "wait until the parent lets it continue"
	}
	return "report to the parent: " + s.Phase.String()
}

// Hooks runs hooks inside the container's namespaces.
type Hooks struct {
	Kind  string
	Dir   string // working directory: "" stays
	Hooks []Hook
	Log   HookLog
	// Confined: they are programs of the container's, and run as its process
	// will: under the limits and the filter that later steps have, and if they
	// have no environment, in its own.
	Confined bool
	// What they read from standard input, before and after init's pid, which only
	// init knows in its own namespace.
	Before, After string `json:"-"`
}

func (*Hooks) InitKind() Kind { return KindHooks }

func (s *Hooks) Code(c *codec.Coder) {
	c.Num(&s.Log.Stdout)
	c.Num(&s.Log.Stderr)
	c.Str(&s.Kind)
	c.Str(&s.Dir)
	c.Flag(&s.Confined)
	c.Str(&s.Before)
	c.Str(&s.After)
	codec.Room(c, &s.Hooks)
	for i := range s.Hooks {
		h := &s.Hooks[i]
		c.Str(&h.Path)
		c.Strs(&h.Args)
		c.Strs(&h.Env)
		c.Flag(&h.ProcessEnv)
		c.Num(&h.Timeout)
	}
}

func (s *Hooks) String() string {
	line := fmt.Sprintf("run %d %s hooks", len(s.Hooks), s.Kind)
	if s.Confined {
		line += ", under the process's limits and filter"
	}
	return line
}

// Hook is a program that init runs.
type Hook struct {
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"` // the whole argv
	Env  []string `json:"env,omitempty"`
	// ProcessEnv: it has the environment of the container's process.
	ProcessEnv bool `json:"-"`
	Timeout    int  `json:"timeout,omitempty"` // seconds; 0: none
}

// HookLog is where the output of hooks is copied to: slots of OpenLog, counted
// from 1; 0 is none.
type HookLog struct{ Stdout, Stderr int }
