package specconv

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// planNetDevices plans linux.netDevices, see "Network Devices" in the
// runtime-spec's config-linux.md.
func (b *namespaceBuilder) planNetDevices() error {
	devices := b.linux.NetDevices
	if len(devices) == 0 {
		return nil
	}
	if !b.has(specs.NetworkNamespace) {
		return invalid("linux.netDevices", `add {"type": "network"} to linux.namespaces`,
			"unable to move network devices without a private NET namespace")
	}
	if b.host.EUID != 0 {
		return invalid("linux.netDevices", "run as root", "network devices are not supported for rootless containers")
	}
	taken := make(map[string]string, len(devices))
	for _, name := range sortedKeys(devices) {
		field := "linux.netDevices." + name
		if !isDeviceName(name) {
			return invalid(field, "", "%q is not the name of a network device, expected 1 to 15 bytes without slash, colon or space", name)
		}
		to := devices[name].Name
		if to == "" {
			to = name
		}
		before, after, template := strings.Cut(to, "%d")
		if !isDeviceName(to) || strings.Contains(before+after, "%") {
			return invalid(field+".name", "",
				"%q is not the name of a network device, expected 1 to 15 bytes without slash, colon or space, and at most one %%d", to)
		}
		if other := taken[to]; other != "" && !template {
			return invalid(field+".name", "", "%q is the name of %q as well, expected each at most once", to, other)
		}
		taken[to] = name
		b.netDevices = append(b.netDevices, plan.Item{Field: field, Step: &plan.MoveNetDevice{Name: name, To: to}})
	}
	return nil
}

// isDeviceName follows dev_valid_name of the kernel's net/core/dev.c.
func isDeviceName(name string) bool {
	return name != "" && len(name) < 16 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r\x00")
}
