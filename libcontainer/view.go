package libcontainer

import (
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// View is a container that lives, as it was asked for and as the kernel has it.
type View struct {
	Status    specs.ContainerState
	Created   time.Time             // before anything of it was there
	Spec      *specs.Spec           // the configuration that it was made from
	Resources *specs.LinuxResources // the limits of the last update
	Devices   []state.Device        // those that updates have added
	PID       int                   // of init
	Init      sys.Proc              // its directory in the host's /proc
	Cgroup    *cgroups.Cgroup       // nil: it has none
	Processes []int
}

// View looks at a container. The error is ErrNotRunning if it does not live.
func (c *Container) View() (*View, error) {
	v := &View{Init: sys.NoProc, Created: c.Journal.Created}
	var err error
	if v.Status, v.PID, err = c.Status(); err == nil && v.PID == 0 {
		err = ErrNotRunning
	}
	if err == nil {
		v.Spec, err = c.Config()
	}
	if err == nil {
		v.Resources, err = c.limits()
	}
	if err == nil {
		v.Devices, err = c.Dir.AddedDevices()
	}
	if err == nil {
		v.Init, err = c.Journal.Init.Open()
	}
	if err == nil {
		v.Cgroup, err = c.OpenCgroup()
	}
	if err == nil {
		v.Processes, err = c.Processes()
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// Close releases what the view holds.
func (v *View) Close() {
	if v.Init != sys.NoProc {
		v.Init.Close()
	}
	if v.Cgroup != nil {
		unix.Close(v.Cgroup.FD())
	}
}
