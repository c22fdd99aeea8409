package specconv

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// capabilities are the names of capabilities(7), without CAP_, by number.
var capabilities = [...]string{
	unix.CAP_CHOWN:              "CHOWN",
	unix.CAP_DAC_OVERRIDE:       "DAC_OVERRIDE",
	unix.CAP_DAC_READ_SEARCH:    "DAC_READ_SEARCH",
	unix.CAP_FOWNER:             "FOWNER",
	unix.CAP_FSETID:             "FSETID",
	unix.CAP_KILL:               "KILL",
	unix.CAP_SETGID:             "SETGID",
	unix.CAP_SETUID:             "SETUID",
	unix.CAP_SETPCAP:            "SETPCAP",
	unix.CAP_LINUX_IMMUTABLE:    "LINUX_IMMUTABLE",
	unix.CAP_NET_BIND_SERVICE:   "NET_BIND_SERVICE",
	unix.CAP_NET_BROADCAST:      "NET_BROADCAST",
	unix.CAP_NET_ADMIN:          "NET_ADMIN",
	unix.CAP_NET_RAW:            "NET_RAW",
	unix.CAP_IPC_LOCK:           "IPC_LOCK",
	unix.CAP_IPC_OWNER:          "IPC_OWNER",
	unix.CAP_SYS_MODULE:         "SYS_MODULE",
	unix.CAP_SYS_RAWIO:          "SYS_RAWIO",
	unix.CAP_SYS_CHROOT:         "SYS_CHROOT",
	unix.CAP_SYS_PTRACE:         "SYS_PTRACE",
	unix.CAP_SYS_PACCT:          "SYS_PACCT",
	unix.CAP_SYS_ADMIN:          "SYS_ADMIN",
	unix.CAP_SYS_BOOT:           "SYS_BOOT",
	unix.CAP_SYS_NICE:           "SYS_NICE",
	unix.CAP_SYS_RESOURCE:       "SYS_RESOURCE",
	unix.CAP_SYS_TIME:           "SYS_TIME",
	unix.CAP_SYS_TTY_CONFIG:     "SYS_TTY_CONFIG",
	unix.CAP_MKNOD:              "MKNOD",
	unix.CAP_LEASE:              "LEASE",
	unix.CAP_AUDIT_WRITE:        "AUDIT_WRITE",
	unix.CAP_AUDIT_CONTROL:      "AUDIT_CONTROL",
	unix.CAP_SETFCAP:            "SETFCAP",
	unix.CAP_MAC_OVERRIDE:       "MAC_OVERRIDE",
	unix.CAP_MAC_ADMIN:          "MAC_ADMIN",
	unix.CAP_SYSLOG:             "SYSLOG",
	unix.CAP_WAKE_ALARM:         "WAKE_ALARM",
	unix.CAP_BLOCK_SUSPEND:      "BLOCK_SUSPEND",
	unix.CAP_AUDIT_READ:         "AUDIT_READ",
	unix.CAP_PERFMON:            "PERFMON",
	unix.CAP_BPF:                "BPF",
	unix.CAP_CHECKPOINT_RESTORE: "CHECKPOINT_RESTORE",
}

// Capabilities lists the names of all capabilities, in the order of their
// numbers.
func Capabilities() []string {
	names := make([]string, len(capabilities))
	for i, name := range capabilities {
		names[i] = "CAP_" + name
	}
	return names
}

// capability gives the number of a name; -1: unknown.
func capability(name string) int {
	name, ok := strings.CutPrefix(name, "CAP_")
	if !ok {
		return -1
	}
	return slices.Index(capabilities[:], name)
}

// planCapabilities resolves process.capabilities. Absent means none.
func (b *privilegeBuilder) planCapabilities() error {
	step := &plan.SetCapabilities{Last: b.host.LastCap, KeepAdmin: b.loaded != nil && !b.process.NoNewPrivileges}
	b.capabilities = step
	c := b.process.Capabilities
	if c == nil {
		return nil
	}
	const field = "process.capabilities."
	for _, set := range [...]struct {
		name  string
		names []string
		bits  *uint64
	}{
		{"bounding", c.Bounding, &step.Bounding},
		{"effective", c.Effective, &step.Effective},
		{"inheritable", c.Inheritable, &step.Inheritable},
		{"permitted", c.Permitted, &step.Permitted},
		{"ambient", c.Ambient, &step.Ambient},
	} {
		*set.bits = b.capabilityBits(field+set.name, set.names)
	}
	// The kernel raises only what is permitted and inheritable too. Engines
	// list more, and expect the rest to have no effect.
	var idle []string
	for _, name := range c.Ambient {
		if n := capability(name); n >= 0 && step.Ambient&^(step.Inheritable&step.Permitted)&(1<<n) != 0 {
			idle = append(idle, name)
		}
	}
	if idle != nil {
		b.mustWarn(field+"ambient", "without effect, as an ambient capability must be inheritable and permitted too: "+strings.Join(idle, ", "))
	}
	step.Ambient &= step.Inheritable & step.Permitted
	if err := b.checkOwnCapabilities(c); err != nil {
		return err
	}
	for i, name := range c.Effective {
		if n := capability(name); n >= 0 && step.Effective&^step.Permitted&(1<<n) != 0 {
			return invalid(index(field+"effective", i), "add it to process.capabilities.permitted",
				"%s is not permitted, expected only what process.capabilities.permitted has", name)
		}
	}
	return nil
}

// capabilityBits turns names into bits. What this kernel doesn't know is left
// out with a warning, so that one configuration serves several kernels.
func (b *privilegeBuilder) capabilityBits(field string, names []string) (bits uint64) {
	for i, name := range names {
		n := capability(name)
		if n < 0 || n > b.host.LastCap {
			b.mustWarn(index(field, i), "unknown capability "+name+" is ignored")
			continue
		}
		bits |= 1 << n
	}
	return bits
}

// checkOwnCapabilities checks that the runtime has the capabilities that it is to give. In
// the container's user namespace it has all.
func (b *privilegeBuilder) checkOwnCapabilities(c *specs.LinuxCapabilities) error {
	if b.ns.has(specs.UserNamespace) {
		return nil
	}
	for _, set := range [...]struct {
		field string
		names []string
	}{
		{"process.capabilities.permitted", c.Permitted},
		{"process.capabilities.effective", c.Effective},
		{"process.capabilities.inheritable", c.Inheritable},
	} {
		for i, name := range set.names {
			if n := capability(name); n >= 0 && n <= b.host.LastCap && b.host.Caps&(1<<n) == 0 {
				return invalid(index(set.field, i), "the caller lacks it: drop it from process.capabilities",
					"set %s, which the runtime does not have itself: %w", name, unix.EPERM)
			}
		}
	}
	return nil
}
