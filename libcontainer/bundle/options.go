package bundle

import (
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/specconv"
)

// Options is what create and run are asked for.
type Options struct {
	Root   string // state directory of all containers, absolute
	ID     string
	Bundle string // absolute
	Config string // file name of the configuration in the bundle, or a path; "" is config.json

	ConsoleSocket string // socket that receives the terminal's master
	PidfdSocket   string // socket that receives a pidfd of init
	NotifySocket  string // systemd's, which the container is to be relayed to; see sd_notify(3)
	PidFile       string // see [sys.OpenOutput]; written before create returns

	NoPivot       bool
	NoNewKeyring  bool
	Detach        bool // run: return once the container runs
	Keep          bool // run: keep state and cgroup of a container that has ended
	NoSubreaper   bool
	ListenFDs     int    // descriptors 3, 4, … of systemd's socket activation to pass on, see sd_listen_fds(3)
	ListenFDNames string // their names, LISTEN_FDNAMES
	PreserveFDs   int    // further descriptors to pass on, after those
	Holes         []int  // those of them that the caller had not open
	SystemdCgroup bool
	CgroupManager string // "cgroupfs", "systemd", "disabled"; "" is cgroupfs
	Rootless      string // "auto", "true", "false"; "" is auto

	Trace initlink.TraceFiles

	Watched Watched // run

	// Warn gets warnings about what in config.json has no effect. It may be nil.
	Warn func(specconv.Warning)
}

// Note passes a warning on, if Warn is set.
func (o *Options) Note(w specconv.Warning) {
	if o.Warn != nil {
		o.Warn(w)
	}
}
