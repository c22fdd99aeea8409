package systemd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/crun-go/crun-go/cgroups/systemd/internal/dbus"
)

const (
	systemdName      = "org.freedesktop.systemd1"
	managerPath      = "/org/freedesktop/systemd1"
	managerInterface = "org.freedesktop.systemd1.Manager"
)

// UnitExistsError means that a unit of that name is there and has not failed.
type UnitExistsError struct{ Unit string }

func (e *UnitExistsError) Error() string {
	return fmt.Sprintf("start unit %q: a unit of that name exists", e.Unit)
}

// Unit is a transient unit: a scope, or a slice if its name ends in .slice.
type Unit struct {
	Name        string
	Slice       string // the slice it belongs to, as systemd names it: "-.slice" is the root
	Description string // says whose unit it is
	Properties  []Property
}

// IsSlice reports whether the unit of that name is a slice, which holds no processes.
func IsSlice(name string) bool { return strings.HasSuffix(name, ".slice") }

// Start makes the unit, with process pid in it unless it is a slice, and waits
// until that is done. What a unit of the name that failed has left with systemd
// is dropped.
func (c *Conn) Start(u *Unit, pid int) error {
	c.begin()
	err := c.start(u, pid)
	if c.restarted(err) {
		err = c.startAgain(u, pid)
	}
	if isError(err, "UnitExists") && c.resetFailed(u.Name) {
		if again := c.start(u, pid); again == nil {
			return nil
		}
	}
	if isError(err, "UnitExists") {
		return &UnitExistsError{u.Name}
	}
	if err != nil {
		return fmt.Errorf("start unit %q: %w", u.Name, err)
	}
	return nil
}

// resetFailed drops a unit that has failed.
func (c *Conn) resetFailed(unit string) bool {
	var name dbus.Body
	name.Text(unit)
	_, err := c.call("ResetFailedUnit", "s", &name)
	return err == nil
}

func (c *Conn) start(u *Unit, pid int) error {
	return known(u.all(pid), func(properties []Property) error {
		var args dbus.Body
		args.Text(u.Name)
		args.Text("replace") // any job there may be for the unit
		encodeProperties(&args, properties)
		args.Array(8, func() {}) // no auxiliary units
		return c.job("StartTransientUnit", "ssa(sv)a(sa(sv))", &args)
	})
}

// all are the properties of the unit, the caller's last.
func (u *Unit) all(pid int) []Property {
	list := []Property{
		{"Description", u.Description},
		{"DefaultDependencies", false},
		{"MemoryAccounting", true},
		{"CPUAccounting", true},
		{"IOAccounting", true},
		{"TasksAccounting", true},
	}
	if IsSlice(u.Name) {
		// Where it belongs follows from its name.
		list = append(list, Property{"Wants", []string{u.Slice}})
	} else {
		list = append(list,
			Property{"Slice", u.Slice},
			Property{"Delegate", true},
			Property{"PIDs", []uint32{uint32(pid)}},
			// Nobody looks at what is left of a failed one, and it would be in
			// the way of the next container of that name.
			Property{"CollectMode", "inactive-or-failed"})
	}
	return append(list, u.Properties...)
}

// Set changes properties of a unit until it ends.
func (c *Conn) Set(name string, properties []Property) error {
	if len(properties) == 0 {
		return nil
	}
	c.begin()
	err := known(properties, func(properties []Property) error {
		var args dbus.Body
		args.Text(name)
		args.Bool(true) // not beyond the life of the unit
		encodeProperties(&args, properties)
		_, err := c.callTwice("SetUnitProperties", "sba(sv)", &args)
		return err
	})
	if err != nil {
		return fmt.Errorf("set properties of unit %q: %w", name, err)
	}
	return nil
}

// Attach moves a process into a unit that is delegated: into the cgroup below
// its own ("/a/b"), or that itself if below is empty.
func (c *Conn) Attach(name, below string, pid int) error {
	c.begin()
	var args dbus.Body
	args.Text(name)
	args.Text(below)
	args.Array(4, func() { args.Uint32(uint32(pid)) })
	if _, err := c.callTwice("AttachProcessesToUnit", "ssau", &args); err != nil {
		return fmt.Errorf("move a process to unit %q: %w", name, err)
	}
	return nil
}

// Stop ends a unit and waits until that is done. One that is not there is no
// error.
func (c *Conn) Stop(name string) error {
	c.begin()
	var args dbus.Body
	args.Text(name)
	args.Text("replace")
	err := c.job("StopUnit", "ss", &args)
	if c.restarted(err) {
		err = c.job("StopUnit", "ss", &args)
	}
	if err != nil && !isError(err, "NoSuchUnit") {
		return fmt.Errorf("stop unit %q: %w", name, err)
	}
	return nil
}

// Description returns what was given as Description of the unit of that name; if
// there is none, it is the name.
func (c *Conn) Description(name string) (string, error) {
	c.begin()
	return c.property(name, "org.freedesktop.systemd1.Unit", "Description")
}

// ControlGroup returns the path of a slice's cgroup in the hierarchy.
func (c *Conn) ControlGroup(name string) (string, error) {
	path, err := c.property(name, "org.freedesktop.systemd1.Slice", "ControlGroup")
	if err == nil && path == "" {
		err = fmt.Errorf("unit %q has no cgroup", name)
	}
	return path, err
}

// job calls a method that returns a job, and waits for its end.
func (c *Conn) job(method, signature string, args *dbus.Body) error {
	answer, err := c.call(method, signature, args)
	if err != nil {
		return err
	}
	job := answer.Args.Text()
	if err := answer.Args.Err(); err != nil {
		return err
	}
	for {
		m, err := c.bus.Signal()
		if errors.Is(err, dbus.ErrTimeout) {
			return fmt.Errorf("systemd has not done it in %v", timeout)
		}
		if err != nil {
			return err
		}
		if m.Member != "JobRemoved" || m.Interface != managerInterface {
			continue
		}
		_, path, _, result := m.Args.Uint32(), m.Args.Text(), m.Args.Text(), m.Args.Text()
		switch {
		case m.Args.Err() != nil:
			return m.Args.Err()
		case path != job:
		case result != "done":
			return fmt.Errorf("systemd's job ended with %q", result)
		default:
			return nil
		}
	}
}

func (c *Conn) call(method, signature string, args *dbus.Body) (*dbus.Message, error) {
	return c.bus.Call(dbus.Method{Destination: c.dest, Path: managerPath, Interface: managerInterface, Member: method}, signature, args)
}

// property reads a property that is a text. For a unit that does not exist
// systemd returns defaults: its name for a description, nothing for others.
func (c *Conn) property(unit, of, name string) (string, error) {
	answer, err := c.get(unit, of, name)
	if err != nil {
		return "", err
	}
	text := answer.Args.VariantText()
	return text, answer.Args.Err()
}

// unitPath is the object of a unit: every byte of its name that is not a letter or
// digit as _XX (sd_bus_path_encode(3)).
func unitPath(name string) string {
	const hex = "0123456789abcdef"
	b := []byte(managerPath + "/unit/")
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9' && i > 0:
			b = append(b, c)
		default:
			b = append(b, '_', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

// isError reports whether systemd's answer was the error of that name.
func isError(err error, name string) bool {
	var e *dbus.Error
	return errors.As(err, &e) && e.Name == "org.freedesktop.systemd1."+name
}
