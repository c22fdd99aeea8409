package specconv

import (
	"fmt"

	"github.com/crun-go/crun-go/specconv/plan"
)

// Host is what a plan needs to know of the machine and config.json does not
// say.
type Host struct {
	EUID            int    // effective uid of the runtime
	UserNS          bool   // the runtime runs in a user namespace that is not the initial one
	SetgroupsDenied bool   // /proc/self/setgroups says deny
	LastCap         int    // highest capability of the kernel: /proc/sys/kernel/cap_last_cap
	Caps            uint64 // capabilities that the runtime has itself and can give, as bits
	CgroupRoot      string // where the cgroup v2 hierarchy is mounted; empty: nowhere
	CgroupParent    string // below it: the parent of containers without an absolute cgroupsPath
	NoFileSoft      uint64 // the caller's limit on open files, before Go raised the soft one
	NoFileHard      uint64
	AppArmor        bool // AppArmor is enabled
	// StackProfiles: AppArmor confines the runtime itself, and no_new_privs will
	// be on at the execve: then no profile can be left for another one.
	StackProfiles bool
	SELinux       bool // SELinux is enabled
	Kcore         bool // /proc/kcore exists
	// PIDLast: the pid namespace that linux.namespaces has a path of can be joined
	// last. The kernel can mount its procfs from outside, and init can join it with the
	// rights that it has left.
	PIDLast bool
	// RootNamespace: open_tree(2) makes a mount namespace that holds nothing but a given
	// tree (OPEN_TREE_NAMESPACE, Linux 7.0), and the runtime may do so.
	RootNamespace bool
}

// Options are the parts of a command line that change the plan.
type Options struct {
	ID            string
	Bundle        string   // absolute
	Run           bool     // run: the container starts without waiting for start
	Detach        bool     // the runtime exits before the container does: create, or run --detach
	ConsoleSocket bool     // --console-socket was given
	NoPivot       bool     // --no-pivot
	NoNewKeyring  bool     // --no-new-keyring
	SystemdCgroup bool     // --systemd-cgroup
	NoCgroup      bool     // --cgroup-manager disabled: the container stays in the caller's cgroup
	Rootless      bool     // cgroups may be out of reach
	NotifyDir     string   // directory of the host with the socket notify.sock for a service of systemd's; "" if it is none
	ListenFDs     int      // descriptors of systemd's socket activation to pass on
	ListenFDNames string   // their names, separated by colons; "" if they have none
	TraceEnv      []string // TRACEPARENT and TRACESTATE, for hooks without an environment
	Watch         Watch
}

// Watch is what the runtime, which stays with the container, hears of its system calls.
type Watch struct {
	By    string // the flag or command that asks for it; "": nothing
	All   bool   // all that the filter lets through; else those that it refuses
	Flags uint32 // SECCOMP_FILTER_FLAG_* that the kernel has for it
}

// Warning is something in config.json that has no effect, or not the one its
// author may expect.
type Warning struct {
	Field, Text string
	Err         error // the failure that it reports; may be nil
	Must        bool  // the runtime specification demands that it is logged
}

// invalid makes the error for a field's value. The text has the value and what
// was expected; hint, if any, says what to do.
func invalid(field, hint, format string, args ...any) error {
	return &plan.FieldError{Field: field, Err: fmt.Errorf(format, args...), Hint: hint}
}
