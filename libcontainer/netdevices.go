package libcontainer

import (
	"errors"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/netdev"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
)

// returnNetDevices gives back what a create has moved that did not come to its end, as
// far as there still is a namespace to give it back from.
func (c *Container) returnNetDevices(warn func(specconv.Warning)) {
	if len(c.Journal.NetDevices) == 0 {
		return
	}
	netns, err := c.network()
	if err == nil && netns > 0 {
		err = giveBack(netns, c.Journal.NetDevices)
	}
	if netns != c.Netns {
		unix.Close(netns)
	}
	if err != nil {
		warn(specconv.Warning{Field: "linux.netDevices", Text: err.Error()})
	}
}

// network opens the container's network namespace, or returns the one that is open; 0 if
// it went with init.
func (c *Container) network() (int, error) {
	if c.Netns > 0 {
		return c.Netns, nil
	}
	for _, ns := range c.Journal.Namespaces {
		if ns.Type == specs.NetworkNamespace && ns.Path != "" {
			return sys.OpenNamespace(ns.Path)
		}
	}
	if alive, err := c.Journal.Init.Alive(); err != nil || !alive {
		return 0, nil
	}
	return sys.OpenNamespace("/proc/" + strconv.Itoa(c.Journal.Init.PID) + "/ns/net")
}

func giveBack(netns int, devices []state.NetDevice) error {
	ends, err := netdev.Open(netns)
	if err != nil {
		return err
	}
	defer ends.Close()
	var errs []error
	for i := range devices {
		d := netdev.Device(devices[i])
		errs = append(errs, ends.GiveBack(&d))
	}
	return errors.Join(errs...)
}
