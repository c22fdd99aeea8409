package create

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/netdev"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// moveNetDevice moves a device into the container. From the journal's entry on
// it is given back, whoever takes back the create; a virtual device in a namespace
// of the container's own is lost with it if the runtime is killed.
func (c *Builder) moveNetDevice(s *plan.MoveNetDevice) error {
	netns, err := c.NetworkNamespace()
	if err != nil {
		return err
	}
	ends, err := netdev.Open(netns)
	if err != nil {
		return err
	}
	defer ends.Close()
	device := netdev.Device{Name: s.Name, To: s.To}
	if err := ends.Find(&device); err != nil {
		return err
	}
	c.Journal.NetDevices = append(c.Journal.NetDevices, state.NetDevice(device))
	if err := c.Dir.Save(&c.Journal); err != nil {
		return err
	}
	return ends.Move(&device)
}

// NetworkNamespace is the container's, open until it is made.
func (c *Builder) NetworkNamespace() (int, error) {
	if c.netns == 0 {
		fd, err := sys.OpenNamespace("/proc/" + strconv.Itoa(c.Init.Pid) + "/ns/net")
		if err != nil {
			return -1, err
		}
		c.netns = fd
	}
	return c.netns, nil
}

// movesNetDevices tells whether the plan moves any.
func (c *Builder) movesNetDevices() bool { return len(c.Spec.Linux.NetDevices) > 0 }

// Settle is for when the container is made: nothing of what only a failure takes back
// is journaled any more.
func (c *Builder) Settle() {
	c.Journal.NetDevices = nil
	c.closeNetwork()
	if c.leftClass {
		c.Journal.Rdt.Made = false
	}
}

func (c *Builder) closeNetwork() {
	if c.netns > 0 {
		unix.Close(c.netns)
		c.netns = 0
	}
}
