package specconv

import (
	"path"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// defaultDevice is a device that every container has (runtime-spec,
// config-linux.md, "Default Devices"). All are character devices, mode 0666.
type defaultDevice struct {
	path         string
	major, minor int64
}

var defaultDevices = [...]defaultDevice{
	{"/dev/null", 1, 3},
	{"/dev/zero", 1, 5},
	{"/dev/full", 1, 7},
	{"/dev/random", 1, 8},
	{"/dev/urandom", 1, 9},
	{"/dev/tty", 5, 0},
}

// planDevices plans what is in /dev. One that is bound from elsewhere is left
// as it is.
func (b *rootBuilder) planDevices() error {
	for i := range b.linux.Devices {
		if err := checkDevice(index("linux.devices", i), &b.linux.Devices[i]); err != nil {
			return err
		}
	}
	if slices.Contains(b.mounts.table.bound, "/dev") {
		return nil
	}
	for _, d := range defaultDevices {
		if slices.Contains(b.mounts.table.bound, d.path) || b.hasDevice(d.path) {
			continue
		}
		b.addDevice("", &plan.MakeDevice{Node: plan.Node{Path: d.path, Type: "c", Major: d.major, Minor: d.minor, Mode: 0o666}})
	}
	for i := range b.linux.Devices {
		d := &b.linux.Devices[i]
		step := &plan.MakeDevice{Node: plan.Node{Path: path.Clean(d.Path), Type: d.Type, Major: d.Major, Minor: d.Minor, Mode: 0o666}}
		if step.Path == "/dev/ptmx" {
			continue // it belongs to the container's own devpts
		}
		if d.FileMode != nil {
			step.Mode = uint32(*d.FileMode) & 0o7777
		}
		if d.UID != nil {
			step.UID = *d.UID
		}
		if d.GID != nil {
			step.GID = *d.GID
		}
		b.addDevice(index("linux.devices", i), step)
	}
	b.addDevLinks()
	return nil
}

func checkDevice(field string, d *specs.LinuxDevice) error {
	switch d.Type {
	case "c", "u", "b":
		if d.Major < 0 || d.Major >= 1<<32 {
			return invalid(field+".major", "", "%d is out of range, expected 0 to 4294967295", d.Major)
		}
		if d.Minor < 0 || d.Minor >= 1<<32 {
			return invalid(field+".minor", "", "%d is out of range, expected 0 to 4294967295", d.Minor)
		}
	case "p":
	default:
		return invalid(field+".type", "", "invalid device type %q, expected c, b, u or p", d.Type)
	}
	if path.Clean(d.Path) == "/dev/null" && (d.Type != "c" && d.Type != "u" || d.Major != 1 || d.Minor != 3) {
		return invalid(field, "", "%s %d:%d at /dev/null, expected c 1:3", d.Type, d.Major, d.Minor)
	}
	if !path.IsAbs(d.Path) || path.Clean(d.Path) == "/" {
		return invalid(field+".path", "", "%q is not the absolute path of a device", d.Path)
	}
	return nil
}

func (b *rootBuilder) hasDevice(name string) bool {
	return slices.ContainsFunc(b.linux.Devices, func(d specs.LinuxDevice) bool { return path.Clean(d.Path) == name })
}

// addDevice plans a node. Device nodes cannot be made in a user namespace, so there the
// parent opens the host's for a bind mount.
func (b *rootBuilder) addDevice(field string, step *plan.MakeDevice) {
	step.Slot, step.NodeOnly = -1, b.ns.unmounted || b.rootfs != nil
	if b.ns.unmounted {
		b.add(field, step)
		return
	}
	if b.ns.inUserNS() && step.Type != "p" {
		step.Slot = b.trees.open(field, &plan.OpenTree{Path: step.Path, Device: true, Owners: b.ns.spawn.UIDMaps})
	}
	b.add(field, step)
}

// addDevLinks plans the links of runtime-spec's config-linux.md, "Dev symbolic
// links", and the way to the container's own devpts.
func (b *rootBuilder) addDevLinks() {
	for _, link := range [...]plan.MakeSymlink{
		{Target: "/proc/self/fd", Path: "/dev/fd"},
		{Target: "/proc/self/fd/0", Path: "/dev/stdin"},
		{Target: "/proc/self/fd/1", Path: "/dev/stdout"},
		{Target: "/proc/self/fd/2", Path: "/dev/stderr"},
		{Target: "/proc/kcore", Path: "/dev/core"},
		{Target: "pts/ptmx", Path: "/dev/ptmx"},
	} {
		if link.Path == "/dev/core" && !b.host.Kcore {
			continue
		}
		b.add("", &link)
	}
}
