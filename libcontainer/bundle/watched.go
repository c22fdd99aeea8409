package bundle

import (
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

// Watched is what is to be heard of a container's system calls.
type Watched struct {
	File   string // gets it, see [sys.OpenOutput]; "": nothing is asked for
	Record bool   // a profile of what is used; else what the container's profile refuses
}

// Flag is the flag that names the file.
func (w *Watched) Flag() string {
	switch {
	case w.File == "":
		return ""
	case w.Record:
		return "--output"
	}
	return "--seccomp-log"
}

// Option is what the plan needs to know of it.
func (w *Watched) Option() specconv.Watch {
	if w.File == "" {
		return specconv.Watch{}
	}
	by := w.Flag()
	if w.Record {
		by = "seccomp record"
	}
	return specconv.Watch{By: by, All: w.Record, Flags: seccomp.ListenerFlags()}
}
