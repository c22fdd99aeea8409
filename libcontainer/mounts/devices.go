package mounts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// devices changes the devices of a container that exists.
type devices struct {
	*libcontainer.Container
	spec   *specs.Spec
	host   specconv.Host
	group  *cgroups.Cgroup // nil: none
	before []state.Device  // those that there were
	after  []state.Device  // those that there are to be, and those that go
	nodes  []unix.Stat_t   // of the host, for those that are added: the end of after
}

// ChangeDevices removes devices that were added to the container, and adds others: a rule
// of the device filter, and a node unless only a rule is asked for. What devices have in
// Source, and the number that it has, are the host's.
//
// The order is that a runtime that is killed leaves nothing that is not written down: what
// is about to change, the filter, the nodes, what there is now. What an earlier one has
// left goes with the next change. If adding fails, nothing has been added; a rule that was
// to be removed is gone also then, whatever the container does about its node.
func ChangeDevices(c *libcontainer.Container, add, remove []state.Device) error {
	if err := lockLiving(c); err != nil {
		return err
	}
	d := devices{Container: c}
	var err error
	if d.before, err = c.Dir.AddedDevices(); err != nil {
		return err
	}
	if d.spec, err = c.Config(); err != nil {
		return err
	}
	if d.host, err = bundle.HostFacts(d.spec); err != nil {
		return err
	}
	if err := d.removing(remove); err != nil {
		return err
	}
	if err := d.adding(add); err != nil {
		return err
	}
	if d.group, err = c.OpenCgroup(); err != nil {
		return err
	}
	if d.group != nil {
		defer d.group.Close()
	} else if c.Journal.Cgroup.Dir != "" {
		return c.CgroupGone(libcontainer.ErrNotRunning)
	}
	if err := d.check(); err != nil {
		return err
	}
	if err := d.change(); err != nil {
		return errors.Join(err, d.undo())
	}
	return nil
}

// removing marks what is to go, and what a runtime that was killed has left.
func (d *devices) removing(remove []state.Device) error {
	d.after = slices.Clone(d.before)
	for i := range d.after {
		if d.after[i].Stage != state.DeviceAdded {
			d.after[i].Stage = state.DeviceRemoving
		}
	}
	for i := range remove {
		found := false
		for j := range d.after {
			if same(&d.after[j], &remove[i]) {
				d.after[j].Stage, found = state.DeviceRemoving, true
			}
		}
		if !found {
			return fmt.Errorf("--device-remove: %s was not added with --device-add", name(&remove[i]))
		}
	}
	return nil
}

// same reports whether two are one device: by its path in the container, or by its rule if
// it has none.
func same(a, b *state.Device) bool {
	return a.Path == b.Path && (a.Path != "" || a.DeviceRule == b.DeviceRule)
}

func name(d *state.Device) string {
	if d.Path != "" {
		return strconv.Quote(d.Path)
	}
	return d.DeviceRule.String()
}

// adding looks up what is to come.
func (d *devices) adding(add []state.Device) error {
	for i := range add {
		a := &add[i]
		a.Stage = state.DeviceAdding
		if slices.ContainsFunc(d.after, func(have state.Device) bool { return have.Stage != state.DeviceRemoving && same(&have, a) }) {
			return errors.New("--device-add: " + name(a) + " has been added already")
		}
		var st unix.Stat_t
		if a.Path != "" {
			if err := unix.Stat(a.Source, &st); err != nil {
				return fmt.Errorf("--device-add: stat %q: %w", a.Source, err)
			}
			switch st.Mode & unix.S_IFMT {
			case unix.S_IFCHR:
				a.Type = "c"
			case unix.S_IFBLK:
				a.Type = "b"
			default:
				return fmt.Errorf("--device-add: %q is a %s, expected a device", a.Source, sys.FileType(st.Mode))
			}
			a.Major, a.Minor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
			a.Node.Bound = d.userNS()
		}
		d.after, d.nodes = append(d.after, *a), append(d.nodes, st)
	}
	return nil
}

// userNS reports whether mknod(2) is refused.
func (d *devices) userNS() bool {
	return d.host.UserNS ||
		slices.ContainsFunc(d.Journal.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.UserNamespace })
}

// rules are those of the filter for devices; nil: there is no filter.
func (d *devices) rules(of []state.Device) ([]specs.LinuxDeviceCgroup, error) {
	if d.group == nil {
		return nil, nil
	}
	return specconv.DeviceRules(d.spec, state.DeviceRules(of), d.host)
}

// check refuses what cannot be had.
func (d *devices) check() error {
	rules, err := d.rules(d.after)
	if err != nil {
		return err
	}
	for i := range d.after {
		a := &d.after[i]
		switch {
		case a.Stage != state.DeviceAdding:
		case rules == nil && a.Path == "":
			return fmt.Errorf("--device-add: the container has no device filter, which a rule (%s) could be added to", name(a))
		case rules == nil && a.Access != "rwm":
			return fmt.Errorf("--device-add: the container has no device filter, which could allow only %q of %s, expected rwm", a.Access, name(a))
		case a.Path != "" && !d.Journal.HasNamespace(specs.MountNamespace):
			return errNoMounts
		case a.Path != "":
			if err := d.vacant(a.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// vacant refuses a path at which something is that is not about to be removed: what a
// runtime that is killed leaves there is then known to be its own.
func (d *devices) vacant(at string) error {
	if slices.ContainsFunc(d.after, func(have state.Device) bool { return have.Path == at && have.Stage == state.DeviceRemoving }) {
		return nil
	}
	init, err := d.Journal.Init.Open()
	if err != nil {
		return err
	}
	defer init.Close()
	root, err := init.OpenRoot()
	if err != nil {
		return err
	}
	defer unix.Close(root)
	fd, err := sys.OpenInRoot(root, at, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return nil // whatever it is: the helper meets it
	}
	unix.Close(fd)
	return fmt.Errorf("--device-add: %q is there already in the container", at)
}

func (d *devices) change() error {
	if err := d.Dir.SaveAddedDevices(d.after); err != nil {
		return err
	}
	if err := d.setFilter(d.after); err != nil {
		return err
	}
	if !slices.ContainsFunc(d.after, func(a state.Device) bool { return a.Stage != state.DeviceAdded && a.Path != "" }) {
		return d.save(nil)
	}
	v, err := newHelper(d.Container)
	if err != nil {
		return err
	}
	defer v.close()
	_, live, err := v.facts(d.spec)
	if err != nil {
		return err
	}
	remove, add := d.steps()
	p, err := specconv.ChangeDevices(d.spec, remove, add, d.host, live)
	if err != nil {
		return err
	}
	v.save = d.save
	return v.carryOut(p)
}

// setFilter replaces the filter by the one for devices.
func (d *devices) setFilter(of []state.Device) error {
	if d.group == nil {
		return nil
	}
	rules, err := d.rules(of)
	if err == nil && rules != nil {
		err = resource.LimitError(d.group.SetDevices(rules))
	}
	if err != nil {
		return err
	}
	return d.Owned.Unit.AllowDevices(append(slices.Clip(d.before), d.after...), of)
}

// steps are those of the helper.
func (d *devices) steps() (remove []plan.RemoveDevice, add []specconv.LiveDevice) {
	var root unix.Stat_t
	known := unix.Stat("/", &root) == nil
	for i := range d.after {
		a := &d.after[i]
		switch {
		case a.Path == "" || a.Stage == state.DeviceAdded:
		case a.Stage == state.DeviceRemoving:
			remove = append(remove, plan.RemoveDevice{Path: a.Path, Type: a.Type, Major: a.Major, Minor: a.Minor,
				Dev: a.Node.Dev, Ino: a.Node.Ino, Mount: a.Node.Mount, Bound: a.Node.Bound})
		default:
			node := &d.nodes[i-len(d.before)]
			step := specconv.LiveDevice{Source: a.Source}
			step.Path, step.Type, step.Major, step.Minor = a.Path, a.Type, a.Major, a.Minor
			step.Mode, step.UID, step.GID = node.Mode&0o777, node.Uid, node.Gid
			if known && root.Dev != node.Dev {
				step.HostDev = node.Dev
			}
			add = append(add, step)
		}
	}
	return remove, add
}

// save writes down what there is now. made are the ids of the mounts and files that the
// helper has made, see rootfs.
func (d *devices) save(made []uint64) error {
	var now []state.Device
	for i := range d.after {
		if d.after[i].Stage != state.DeviceRemoving {
			now = append(now, d.after[i])
		}
	}
	var nodes, bound int
	for i := range now {
		if a := &now[i]; a.Stage == state.DeviceAdding && a.Path != "" {
			nodes++
			if a.Node.Bound {
				bound++
			}
		}
	}
	if len(made) != bound+2*nodes {
		return fmt.Errorf("malformed message from the helper: %d ids, expected %d", len(made), bound+2*nodes)
	}
	mounts, files := made[:bound], made[bound:]
	for i := range now {
		a := &now[i]
		if a.Stage == state.DeviceAdding && a.Path != "" {
			a.Node.Dev, a.Node.Ino, files = files[0], files[1], files[2:]
			if a.Node.Bound {
				a.Node.Mount, mounts = mounts[0], mounts[1:]
			}
		}
		a.Stage = state.DeviceAdded
	}
	return d.Dir.SaveAddedDevices(now)
}

// undo takes the rules back that were added, and writes that down. The helper has taken
// back the nodes.
func (d *devices) undo() error {
	var left []state.Device
	for i := range d.after {
		if d.after[i].Stage != state.DeviceAdding {
			left = append(left, d.after[i])
		}
	}
	if err := d.setFilter(left); err != nil {
		return err
	}
	return d.Dir.SaveAddedDevices(left)
}
