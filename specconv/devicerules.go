package specconv

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

const rulesField = "linux.resources.devices"

// planDeviceRules plans the device filter.
func (b *cgroupBuilder) planDeviceRules(devices []specs.LinuxDeviceCgroup) error {
	rules, err := filterRules(devices, b.host)
	if err == nil && rules != nil {
		b.devices = []plan.Item{{Field: rulesField, Step: &plan.SetDevices{Rules: rules}}}
	}
	return err
}

// DeviceRules are the rules of a container's device filter, of which some were added to it
// later; nil if it has no filter.
func DeviceRules(spec *specs.Spec, added []specs.LinuxDeviceCgroup, host Host) ([]specs.LinuxDeviceCgroup, error) {
	var own []specs.LinuxDeviceCgroup
	if spec.Linux != nil && spec.Linux.Resources != nil {
		own = spec.Linux.Resources.Devices
	}
	return filterRules(append(slices.Clip(own), added...), &host)
}

// filterRules are the rules of the device filter: nothing is allowed but what
// linux.resources.devices allows, the default devices, pseudo terminals, tun,
// and making nodes of any kind. The last rule that matches decides.
func filterRules(devices []specs.LinuxDeviceCgroup, host *Host) ([]specs.LinuxDeviceCgroup, error) {
	rules := make([]specs.LinuxDeviceCgroup, 0, len(devices)+len(defaultDevices)+6)
	if len(devices) == 0 || !isEverything(&devices[0]) {
		rules = append(rules, specs.LinuxDeviceCgroup{Type: "a", Access: "rwm"})
	}
	open := false // the rules allow everything
	for i, rule := range devices {
		if err := normalizeRule(index(rulesField, i), &rule); err != nil {
			return nil, err
		}
		switch {
		case isEverything(&rule):
			open = rule.Allow
		case !rule.Allow:
			open = false
		}
		rules = append(rules, rule)
	}
	// A user namespace may make no node and use no bpf(2): there is nothing to
	// filter and no way to do it.
	if open || host.UserNS || host.EUID != 0 {
		return nil, nil
	}
	allow := func(kind string, major, minor int64, access string) {
		rule := specs.LinuxDeviceCgroup{Allow: true, Type: kind, Access: access}
		if major >= 0 {
			rule.Major = &major
		}
		if minor >= 0 {
			rule.Minor = &minor
		}
		rules = append(rules, rule)
	}
	allow("c", -1, -1, "m")
	allow("b", -1, -1, "m")
	for _, d := range defaultDevices {
		allow("c", d.major, d.minor, "rwm")
	}
	allow("c", 136, -1, "rwm") // /dev/pts/N
	allow("c", 5, 2, "rwm")    // /dev/ptmx
	allow("c", 10, 200, "rwm") // /dev/net/tun
	return rules, nil
}

// normalizeRule checks a rule and puts what is left out in words.
func normalizeRule(field string, r *specs.LinuxDeviceCgroup) error {
	if r.Type == "" {
		r.Type = "a"
	}
	if r.Access == "" {
		r.Access = "rwm"
	}
	switch r.Type {
	case "a", "c", "b":
	default:
		return invalid(field+".type", "", "invalid device type %q, expected a, c or b", r.Type)
	}
	// The letter a, which stands for all in type, says nothing here.
	access := strings.ReplaceAll(r.Access, "a", "")
	if access == "" || strings.Trim(access, "rwm") != "" {
		return invalid(field+".access", "", "%q, expected a combination of r, w and m", r.Access)
	}
	r.Access = access
	return nil
}

// isEverything reports whether a rule is about all access to all devices.
func isEverything(r *specs.LinuxDeviceCgroup) bool {
	wild := func(n *int64) bool { return n == nil || *n < 0 }
	access := func(c string) bool { return strings.Contains(r.Access, c) }
	return (r.Type == "" || r.Type == "a") && wild(r.Major) && wild(r.Minor) &&
		(r.Access == "" || !slices.Contains([]bool{access("r"), access("w"), access("m")}, false))
}
