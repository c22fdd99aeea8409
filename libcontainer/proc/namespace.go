package proc

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Namespace is a type of namespace under its names, see namespaces(7).
type Namespace struct {
	Type     specs.LinuxNamespaceType // in config.json
	Flag     int                      // of clone(2); 0: there is no such type
	FlagName string                   // without CLONE_, as runc's state.json has it
	File     string                   // in /proc/PID/ns
}

// Namespaces are all types, in the order of runc's state.json.
func Namespaces() [8]Namespace {
	return [...]Namespace{
		{specs.CgroupNamespace, unix.CLONE_NEWCGROUP, "NEWCGROUP", "cgroup"},
		{specs.IPCNamespace, unix.CLONE_NEWIPC, "NEWIPC", "ipc"},
		{specs.NetworkNamespace, unix.CLONE_NEWNET, "NEWNET", "net"},
		{specs.MountNamespace, unix.CLONE_NEWNS, "NEWNS", "mnt"},
		{specs.PIDNamespace, unix.CLONE_NEWPID, "NEWPID", "pid"},
		{specs.TimeNamespace, unix.CLONE_NEWTIME, "NEWTIME", "time"},
		{specs.UserNamespace, unix.CLONE_NEWUSER, "NEWUSER", "user"},
		{specs.UTSNamespace, unix.CLONE_NEWUTS, "NEWUTS", "uts"},
	}
}

// NamespaceOf returns the names of a type. An unknown one has the same name everywhere.
func NamespaceOf(t specs.LinuxNamespaceType) Namespace {
	for _, ns := range Namespaces() {
		if ns.Type == t {
			return ns
		}
	}
	return Namespace{Type: t, FlagName: string(t), File: string(t)}
}

// NamespaceOfFlag returns the type that a flag of clone(2) makes, or none.
func NamespaceOfFlag(flag int) Namespace {
	for _, ns := range Namespaces() {
		if ns.Flag == flag {
			return ns
		}
	}
	return Namespace{}
}

// NamespaceOfFlagName returns the type of a flag's name without CLONE_. An unknown one
// has the same name everywhere.
func NamespaceOfFlagName(name string) Namespace {
	for _, ns := range Namespaces() {
		if ns.FlagName == name {
			return ns
		}
	}
	return NamespaceOf(specs.LinuxNamespaceType(name))
}
