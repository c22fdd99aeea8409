package specconv

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/seccomp"
)

// early tells whether exec's init itself can load the filter, and clone the
// process under it. Then that process never is without the filter, nor has the
// privilege that loading takes: both could be had by who may trace it. It is
// possible if the filter lets through what is still to be called by then.
//
// Of a filter that notifies there is no other way, because the listener goes to
// its agent before the process executes.
func (b *builder) early() (bool, error) {
	if b.filter == nil {
		return false, nil
	}
	program := seccomp.Program{Filter: b.filter.Filter}
	calls := []struct {
		name string
		nr   uint32
		args []uint64
	}{
		// Init, and Go's runtime around a clone.
		{"capset", unix.SYS_CAPSET, nil},
		{"clone", unix.SYS_CLONE, []uint64{unix.CLONE_PARENT | unix.CLONE_PIDFD | uint64(unix.SIGCHLD), 0}},
		{"rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, nil},
		{"rt_sigaction", unix.SYS_RT_SIGACTION, nil},
		{"sendmsg", unix.SYS_SENDMSG, nil},
		{"recvmsg", unix.SYS_RECVMSG, nil},
		{"close", unix.SYS_CLOSE, nil},
		{"exit_group", unix.SYS_EXIT_GROUP, nil},
		// The process.
		{"read", unix.SYS_READ, nil},
		{"write", unix.SYS_WRITE, nil},
		{"setsid", unix.SYS_SETSID, nil},
		{"ioctl", unix.SYS_IOCTL, []uint64{0, unix.TIOCSCTTY, 0}},
		{"prlimit64", unix.SYS_PRLIMIT64, nil},
	}
	var missing []string
	for _, call := range calls {
		switch {
		case call.nr == unix.SYS_IOCTL && !b.process.Terminal,
			call.nr == unix.SYS_PRLIMIT64 && len(b.ownRlimits()) == 0,
			call.nr == unix.SYS_CAPSET && !b.capabilities.KeepAdmin,
			(call.nr == unix.SYS_RECVMSG || call.nr == unix.SYS_CLOSE) && !b.filter.Notify:
		case !program.Lets(call.nr, call.args...):
			missing = append(missing, call.name)
		}
	}
	if len(missing) > 0 && b.filter.Notify {
		return false, invalid("linux.seccomp", "allow them",
			"does not allow %s: with SCMP_ACT_NOTIFY the filter is loaded while exec still needs these", strings.Join(missing, ", "))
	}
	return len(missing) == 0, nil
}
