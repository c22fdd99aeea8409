package sys

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// OldestKernel is the first version of Linux that has every call of neededCalls.
const OldestKernel = "5.12"

// neededCall is a system call without which containers can't be made or reached.
type neededCall struct {
	name   string
	nr     uintptr
	minor  int  // of the first Linux 5 that has it, with what is asked of it here
	mounts bool // EPERM without CAP_SYS_ADMIN over the mount namespace, fsmount since Linux 7 after a look at its arguments
}

var neededCalls = [...]neededCall{
	{"clone3", unix.SYS_CLONE3, 7, false}, // CLONE_INTO_CGROUP
	{"openat2", unix.SYS_OPENAT2, 6, false},
	{"pidfd_open", unix.SYS_PIDFD_OPEN, 3, false},
	{"open_tree", unix.SYS_OPEN_TREE, 2, false},
	{"move_mount", unix.SYS_MOVE_MOUNT, 2, true},
	{"fsopen", unix.SYS_FSOPEN, 2, true},
	{"fsconfig", unix.SYS_FSCONFIG, 2, false},
	{"fsmount", unix.SYS_FSMOUNT, 2, true},
	{"mount_setattr", unix.SYS_MOUNT_SETATTR, 12, false},
}

// NeededCalls describes the calls that are needed, each with the version of Linux
// that has it.
func NeededCalls() string {
	var all []string
	for _, c := range neededCalls {
		all = append(all, c.name+" (5."+strconv.Itoa(c.minor)+")")
	}
	return strings.Join(all, ", ")
}

// KernelError: needed system calls are not to be had.
type KernelError struct {
	Calls   []string // by name
	Old     bool     // the kernel does not have them; else a filter refuses them
	Release string   // of the kernel, as uname(2) has it
	Errno   unix.Errno
}

func (e *KernelError) Error() string {
	calls := strings.Join(e.Calls, ", ")
	if e.Old {
		return "Linux " + OldestKernel + " or newer is needed: " + e.Release + " does not have " + calls
	}
	return "what confines the runtime, such as the seccomp filter of an outer container, refuses " + calls + ": " + e.Errno.Error()
}

// Unwrap returns the errno.
func (e *KernelError) Unwrap() error { return e.Errno }

// CheckKernel reports, as a *KernelError, which needed calls this process can't
// make. It makes each with arguments that no kernel takes.
func CheckKernel() error {
	return checkCalls(func(nr uintptr) unix.Errno {
		const none = ^uintptr(0) // as a flag, a size and a pid
		_, _, errno := unix.RawSyscall6(nr, none, none, none, none, none, none)
		return errno
	}, release)
}

func checkCalls(try func(nr uintptr) unix.Errno, release func() string) error {
	var missing, refused []neededCall // by ENOSYS, by either errno
	denied := true                    // those which need a capability, whatever their arguments
	for _, c := range neededCalls {
		errno := try(c.nr)
		if errno == unix.ENOSYS {
			missing = append(missing, c)
		}
		if errno == unix.ENOSYS || errno == unix.EPERM {
			refused = append(refused, c)
		}
		if c.mounts && errno != unix.EPERM && c.nr != unix.SYS_FSMOUNT {
			denied = false
		}
	}
	if denied { // the kernel's one check in each: a capability is missing, and no call
		refused = slices.DeleteFunc(refused, func(c neededCall) bool { return c.mounts })
	}
	if len(refused) == 0 {
		return nil
	}
	if len(missing) == 0 {
		return &KernelError{Calls: callNames(refused), Errno: unix.EPERM}
	}
	e := &KernelError{Release: release(), Errno: unix.ENOSYS}
	lacking := slices.DeleteFunc(missing, func(c neededCall) bool { return !older(e.Release, c.minor) })
	if e.Old = len(lacking) > 0; e.Old {
		refused = lacking
	}
	e.Calls = callNames(refused)
	return e
}

func callNames(calls []neededCall) []string {
	var all []string
	for _, c := range calls {
		all = append(all, c.name)
	}
	return all
}

// older reports whether a release, "5.10.0-8-amd64", is of before 5.minor.
func older(release string, minor int) bool {
	major, rest, _ := strings.Cut(release, ".")
	digits := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = rest[:i]
	}
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(digits)
	return errors.Join(errA, errB) == nil && (a < 5 || a == 5 && b < minor)
}

func release() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}
