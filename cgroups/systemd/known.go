package systemd

import (
	"errors"
	"slices"
	"strings"

	"github.com/crun-go/crun-go/cgroups/systemd/internal/dbus"
)

// known calls set with properties, and again without one that this systemd does
// not know. What it does not know it does not write either: the value in the
// kernel's file, which the caller sets, is safe. Other properties, and those that
// were asked for by name, must be known.
func known(list []Property, set func([]Property) error) error {
	for {
		err := set(list)
		var refusal *dbus.Error
		if !errors.As(err, &refusal) || refusal.Name != "org.freedesktop.DBus.Error.PropertyReadOnly" {
			return err
		}
		i := slices.IndexFunc(list, func(p Property) bool {
			_, asked := p.Value.(Typed)
			return !asked && mirrors(p.Name) && strings.Contains(refusal.Text, " "+p.Name+",")
		})
		if i < 0 {
			return err
		}
		list = slices.Delete(slices.Clone(list), i, i+1)
	}
}

// mirrors reports whether a property has the same effect as a file of the cgroup, and not
// every systemd since 239 has it for all kinds of units.
func mirrors(name string) bool {
	switch name {
	case "MemorySwapMax", "MemoryZSwapMax", "MemoryZSwapWriteback", "MemoryMin", "OOMPolicy", "CPUQuotaPeriodUSec", "AllowedCPUs", "AllowedMemoryNodes":
		return true
	}
	return false
}
