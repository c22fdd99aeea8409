package specconv

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// planSysctls plans linux.sysctl, in the order of names.
func (b *namespaceBuilder) planSysctls() error {
	for _, name := range sortedKeys(b.linux.Sysctl) {
		field := "linux.sysctl." + name
		key := dotted(name)
		if err := b.checkSysctl(field, key); err != nil {
			return err
		}
		b.add(field, plan.NewSysctl(key, b.linux.Sysctl[name]))
	}
	return nil
}

// dotted gives a parameter the form with dots, as sysctl(8) does: the first
// separator determines which form a name has, and the other character stands for
// itself (net/ipv4/conf/eth0.1/forwarding).
func dotted(name string) string { return plan.SwapSeparators(plan.SysctlPath(name)) }

// checkSysctl allows only parameters of a namespace that the container doesn't
// share with the host.
func (b *namespaceBuilder) checkSysctl(field, key string) error {
	for part := range strings.SplitSeq(plan.SwapSeparators(key), "/") {
		// "net//" is dotted "net..", a step up when it becomes a path again.
		if part == "" || part == "." || part == ".." {
			return invalid(field, "", "%q is not the name of a kernel parameter", key)
		}
	}
	var need specs.LinuxNamespaceType
	switch {
	case key == "kernel.hostname":
		return invalid(field, "use hostname", "sysctl %q is not allowed as it conflicts with the OCI %q field", key, "hostname")
	case key == "kernel.domainname":
		need = specs.UTSNamespace
	case isIPCSysctl(key), strings.HasPrefix(key, "fs.mqueue."):
		need = specs.IPCNamespace
	case strings.HasPrefix(key, "net."):
		need = specs.NetworkNamespace
	case strings.HasPrefix(key, "user."):
		need = specs.UserNamespace
	default:
		return invalid(field, "set it on the host", "sysctl %q is not in a separate kernel namespace", key)
	}
	if !b.has(need) {
		return invalid(field, `add {"type": "`+string(need)+`"} to linux.namespaces`,
			"sysctl %q is not in a separate kernel namespace: the container has no %s namespace", key, need)
	}
	b.changes(need, field)
	return nil
}

// isIPCSysctl reports whether a parameter belongs to the System V IPC namespace, see
// ipc_namespaces(7).
func isIPCSysctl(key string) bool {
	switch key {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced":
		return true
	}
	return false
}
