package systemd

import (
	"fmt"
	"strconv"

	"github.com/crun-go/crun-go/cgroups/systemd/internal/dbus"
)

// Allowed is an entry of DeviceAllow=: what systemd calls a device, or several, and the
// access, of r, w and m.
type Allowed struct{ Node, Access string }

// Allow is the entry for a device of type c or b; a number of -1 is any. It is false if
// systemd has no name for it.
func Allow(kind string, major, minor int64, access string) (Allowed, bool) {
	class := "char"
	if kind == "b" {
		class = "block"
	}
	switch {
	case major >= 0 && minor >= 0:
		return Allowed{"/dev/" + class + "/" + strconv.FormatInt(major, 10) + ":" + strconv.FormatInt(minor, 10), access}, true
	case minor >= 0:
		return Allowed{}, false
	case major >= 0:
		return Allowed{class + "-" + strconv.FormatInt(major, 10), access}, true
	}
	return Allowed{class + "-*", access}, true
}

// Devices returns what a unit's DeviceAllow= has, and whether systemd has a device filter
// for the unit: it has none until the unit is given one, by an annotation or with
// systemctl set-property.
func (c *Conn) Devices(name string) (allowed []Allowed, filters bool, err error) {
	c.begin()
	of := "org.freedesktop.systemd1.Scope"
	if IsSlice(name) {
		of = "org.freedesktop.systemd1.Slice"
	}
	policy, err := c.property(name, of, "DevicePolicy")
	if err != nil {
		return nil, false, err
	}
	answer, err := c.get(name, of, "DeviceAllow")
	if err != nil {
		return nil, false, err
	}
	for _, pair := range answer.Args.VariantPairs() {
		allowed = append(allowed, Allowed{pair[0], pair[1]})
	}
	return allowed, policy != "auto" || len(allowed) > 0, answer.Args.Err()
}

// SetDevices replaces what DeviceAllow= has.
func (c *Conn) SetDevices(name string, allowed []Allowed) error {
	// The empty list takes away what there is.
	return c.Set(name, []Property{{"DeviceAllow", []Allowed{}}, {"DeviceAllow", allowed}}[:1+min(1, len(allowed))])
}

// get reads a property.
func (c *Conn) get(unit, of, name string) (*dbus.Message, error) {
	var args dbus.Body
	args.Text(of)
	args.Text(name)
	get := dbus.Method{Destination: c.dest, Path: unitPath(unit), Interface: "org.freedesktop.DBus.Properties", Member: "Get"}
	for again := false; ; again = true {
		answer, err := c.bus.Call(get, "ss", &args)
		switch {
		case err == nil:
			return answer, nil
		case again || !c.restarted(err):
			return nil, fmt.Errorf("ask for %s of unit %q: %w", name, unit, err)
		}
		get.Destination = c.dest
	}
}
