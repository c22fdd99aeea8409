package inspect

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
)

// devices lists the devices that updates have added. Their nodes are the container's to
// remove.
func (l *look) devices() error {
	if len(l.Devices) == 0 {
		return nil
	}
	root, err := l.Init.OpenRoot()
	if err != nil {
		return err
	}
	defer unix.Close(root)
	for i := range l.Devices {
		d := &l.Devices[i]
		name, is := "device rule", d.DeviceRule.String()
		if d.Path != "" {
			name, is = "device "+d.Path, nodeAt(root, d)
		}
		if d.Stage != state.DeviceAdded {
			is += ", " + string(d.Stage) + " was not finished"
		}
		l.add(name, "--device-add", d.DeviceRule.String(), is, d.Stage != state.DeviceAdded)
	}
	return nil
}

// nodeAt says what is in the place of a node.
func nodeAt(root int, d *state.Device) string {
	fd, err := sys.OpenPlain(root, d.Path, unix.O_PATH)
	switch {
	case errors.Is(err, unix.ENOENT):
		return "no such file"
	case errors.Is(err, unix.ELOOP):
		return "below a symbolic link"
	case err != nil:
		return err.Error()
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err.Error()
	}
	number := strconv.FormatUint(uint64(unix.Major(st.Rdev)), 10) + ":" + strconv.FormatUint(uint64(unix.Minor(st.Rdev)), 10)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return "c " + number
	case unix.S_IFBLK:
		return "b " + number
	}
	return sys.FileType(st.Mode)
}

// deviceFilter compares the program of the cgroup with the one for all rules. Without
// the right to ask there is nothing to report.
func (l *look) deviceFilter() error {
	host, err := bundle.HostFacts(l.Spec)
	if err != nil {
		return err
	}
	rules, err := specconv.DeviceRules(l.Spec, state.DeviceRules(l.Devices), host)
	if err != nil || rules == nil {
		return err
	}
	same, err := l.Cgroup.HasDevices(rules)
	if errors.Is(err, unix.EPERM) {
		return nil
	}
	if err != nil {
		return err
	}
	is := "as asked"
	if !same {
		is = "another"
	}
	l.add("device filter", "linux.resources.devices", strconv.Itoa(len(rules))+" rules", is, !same)
	return nil
}
