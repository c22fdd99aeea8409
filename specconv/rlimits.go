package specconv

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// rlimitNumber gives the number of a resource, see getrlimit(2); -1: unknown.
func rlimitNumber(name string) int {
	switch name {
	case "RLIMIT_AS":
		return unix.RLIMIT_AS
	case "RLIMIT_CORE":
		return unix.RLIMIT_CORE
	case "RLIMIT_CPU":
		return unix.RLIMIT_CPU
	case "RLIMIT_DATA":
		return unix.RLIMIT_DATA
	case "RLIMIT_FSIZE":
		return unix.RLIMIT_FSIZE
	case "RLIMIT_LOCKS":
		return unix.RLIMIT_LOCKS
	case "RLIMIT_MEMLOCK":
		return unix.RLIMIT_MEMLOCK
	case "RLIMIT_MSGQUEUE":
		return unix.RLIMIT_MSGQUEUE
	case "RLIMIT_NICE":
		return unix.RLIMIT_NICE
	case "RLIMIT_NOFILE":
		return unix.RLIMIT_NOFILE
	case "RLIMIT_NPROC":
		return unix.RLIMIT_NPROC
	case "RLIMIT_RSS":
		return unix.RLIMIT_RSS
	case "RLIMIT_RTPRIO":
		return unix.RLIMIT_RTPRIO
	case "RLIMIT_RTTIME":
		return unix.RLIMIT_RTTIME
	case "RLIMIT_SIGPENDING":
		return unix.RLIMIT_SIGPENDING
	case "RLIMIT_STACK":
		return unix.RLIMIT_STACK
	}
	return -1
}

// planRlimits plans process.rlimits.
func (b *processBuilder) planRlimits() error {
	var limits []plan.Rlimit
	for i, r := range b.process.Rlimits {
		field := index("process.rlimits", i)
		number := rlimitNumber(r.Type)
		if number < 0 {
			return invalid(field+".type", "", "unknown rlimit %q, expected one of getrlimit(2) such as RLIMIT_NOFILE", r.Type)
		}
		if slices.ContainsFunc(limits, func(l plan.Rlimit) bool { return l.Resource == number }) {
			return invalid(field+".type", "", "duplicated rlimit %q, expected each at most once", r.Type)
		}
		if r.Soft > r.Hard {
			return invalid(field+".soft", "", "soft limit %d of %s exceeds the hard limit %d", r.Soft, r.Type, r.Hard)
		}
		limits = append(limits, plan.Rlimit{Type: r.Type, Resource: number, Soft: r.Soft, Hard: r.Hard})
	}
	b.rlimits = limits
	return nil
}

// setRlimits plans what init sets.
func (b *processBuilder) setRlimits() {
	if limits := b.ownRlimits(); len(limits) > 0 {
		b.addLast(&plan.SetRlimits{Limits: limits})
	}
}

// ownRlimits are the limits that init sets. The soft limit on open files is the
// caller's again, which Go raised in the runtime, unless the config has one.
func (b *processBuilder) ownRlimits() []plan.Rlimit {
	limits := b.rlimits
	isNoFile := func(l plan.Rlimit) bool { return l.Resource == unix.RLIMIT_NOFILE }
	if h := b.host; h.NoFileSoft < h.NoFileHard && !slices.ContainsFunc(limits, isNoFile) {
		limits = append(limits, plan.Rlimit{Type: "RLIMIT_NOFILE", Resource: unix.RLIMIT_NOFILE, Soft: h.NoFileSoft, Hard: h.NoFileHard})
	}
	return limits
}
