package libcontainer

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/netdev"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// moveNetDevice moves a device into the container. From the journal's entry on
// it is given back, whoever ends the creation; a virtual device in a namespace
// of the container's own is lost with it if the runtime is killed.
func (c *creation) moveNetDevice(s *plan.MoveNetDevice) error {
	if c.netns < 0 {
		fd, err := sys.OpenNamespace("/proc/" + strconv.Itoa(c.init.Pid) + "/ns/net")
		if err != nil {
			return err
		}
		c.netns = fd
	}
	ends, err := netdev.Open(c.netns)
	if err != nil {
		return err
	}
	defer ends.Close()
	device := netdev.Device{Name: s.Name, To: s.To}
	if err := ends.Find(&device); err != nil {
		return err
	}
	c.journal.NetDevices = append(c.journal.NetDevices, state.NetDevice(device))
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	return ends.Move(&device)
}

// movesNetDevices tells whether the plan moves any.
func (c *creation) movesNetDevices() bool { return len(c.spec.Linux.NetDevices) > 0 }

// leaveNetDevices: from now on they are the container's.
func (c *creation) leaveNetDevices() {
	c.journal.NetDevices = nil
	if c.netns >= 0 {
		unix.Close(c.netns)
		c.netns = -1
	}
}

// returnNetDevices gives back what a failed create has moved.
func (c *creation) returnNetDevices() []error {
	if len(c.journal.NetDevices) == 0 || c.netns < 0 {
		return nil
	}
	return giveBack(c.netns, c.journal.NetDevices)
}

func giveBack(netns int, devices []state.NetDevice) (errs []error) {
	ends, err := netdev.Open(netns)
	if err != nil {
		return []error{err}
	}
	defer ends.Close()
	for i := range devices {
		d := netdev.Device(devices[i])
		if err := ends.GiveBack(&d); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// returnNetDevices gives back what a killed create has moved, as far as there
// still is a namespace to give it back from.
func (c *Container) returnNetDevices(warn func(specconv.Warning)) {
	if len(c.journal.NetDevices) == 0 {
		return
	}
	path := ""
	for _, ns := range c.journal.Namespaces {
		if ns.Type == specs.NetworkNamespace {
			path = ns.Path
		}
	}
	if path == "" {
		if alive, err := c.alive(); err != nil || !alive {
			return // its namespace went with it
		}
		path = "/proc/" + strconv.Itoa(c.journal.Init.PID) + "/ns/net"
	}
	netns, err := sys.OpenNamespace(path)
	if err != nil {
		warn(specconv.Warning{Field: "linux.netDevices", Text: err.Error()})
		return
	}
	defer unix.Close(netns)
	for _, err := range giveBack(netns, c.journal.NetDevices) {
		warn(specconv.Warning{Field: "linux.netDevices", Text: err.Error()})
	}
}
