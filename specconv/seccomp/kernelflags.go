package seccomp

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// KernelFlags lists those of [SupportedFlags] that the running kernel knows. It
// needs no privileges and loads no filter.
func KernelFlags() []string {
	return flagsKnownTo(func(flags uint32) error {
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), 0)
		return errno
	})
}

// flagsKnownTo asks load, which is seccomp(2) without a filter: flags are looked
// at first, so a kernel that knows them misses the filter, with EFAULT, and
// others answer EINVAL.
func flagsKnownTo(load func(flags uint32) error) []string {
	return slices.DeleteFunc(SupportedFlags(), func(name string) bool {
		return !errors.Is(load(flagBits(name)), unix.EFAULT)
	})
}

// flagBits gives a flag with those that it has no meaning without.
func flagBits(name string) uint32 {
	switch name {
	case "SECCOMP_FILTER_FLAG_LOG":
		return unix.SECCOMP_FILTER_FLAG_LOG
	case "SECCOMP_FILTER_FLAG_SPEC_ALLOW":
		return unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	case "SECCOMP_FILTER_FLAG_TSYNC":
		return unix.SECCOMP_FILTER_FLAG_TSYNC
	case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
		return unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	return 0
}

// ListenerFlags are those of the running kernel that a filter with a listener is better off with:
// a call that the listener has taken is interrupted by no signal that does not kill.
func ListenerFlags() uint32 {
	if slices.Contains(KernelFlags(), "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") {
		return unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	return 0
}
