package resource

import (
	"errors"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/netdev"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Devices are network devices of the host that are in the container until it is created:
// from then on they are its own.
type Devices struct {
	*Record
	netns int // the container's network namespace; 0: not open
}

// Move moves a device into the container. Once the state file has an entry it is given back
// when the create is undone; a virtual device in a namespace of the container's own is
// lost with it if the runtime is killed.
func (d *Devices) Move(s *plan.MoveNetDevice) error {
	netns, err := d.Namespace()
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
	d.Journal.NetDevices = append(d.Journal.NetDevices, state.NetDevice(device))
	if err := d.Save(); err != nil {
		return err
	}
	return ends.Move(&device)
}

// Namespace is init's network namespace, open until the container is created.
func (d *Devices) Namespace() (int, error) {
	return d.open("/proc/" + strconv.Itoa(d.Journal.Init.PID) + "/ns/net")
}

func (d *Devices) open(path string) (int, error) {
	if d.netns == 0 {
		fd, err := sys.OpenNamespace(path)
		if err != nil {
			return -1, err
		}
		d.netns = fd
	}
	return d.netns, nil
}

// Remove gives back what a create has moved that did not come to its end, as far as there
// still is a namespace to give it back from.
func (d *Devices) Remove() error {
	if len(d.Journal.NetDevices) == 0 {
		return nil
	}
	defer d.close()
	netns, err := d.left()
	if err != nil || netns == 0 {
		return err
	}
	ends, err := netdev.Open(netns)
	if err != nil {
		return err
	}
	defer ends.Close()
	var errs []error
	for i := range d.Journal.NetDevices {
		device := netdev.Device(d.Journal.NetDevices[i])
		errs = append(errs, ends.GiveBack(&device))
	}
	return errors.Join(errs...)
}

// left is the namespace that they are in; 0 if it went with init.
func (d *Devices) left() (int, error) {
	if d.netns > 0 {
		return d.netns, nil
	}
	for _, ns := range d.Journal.Namespaces {
		if ns.Type == specs.NetworkNamespace && ns.Path != "" {
			return d.open(ns.Path)
		}
	}
	if alive, err := d.Journal.Init.Alive(); err != nil || !alive {
		return 0, nil
	}
	return d.Namespace()
}

func (d *Devices) close() {
	if d.netns > 0 {
		unix.Close(d.netns)
		d.netns = 0
	}
}
