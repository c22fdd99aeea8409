package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// A profile's filter can report calls to a listener instead of answering them, or of letting
// them be made: then some of what it returns is SECCOMP_RET_USER_NOTIF. Without anybody at the
// listener such a call answers ENOSYS.
//
// Of several filters SECCOMP_RET_ERRNO has precedence over a notification. So a second filter
// would not be told of what the first one refuses, and it has to be the same one.

// NotifyRefused is the filter with a notification in the place of each errno. What is let
// through, killed or left to a tracer stays as it is, but for a listener: nobody may have another
// one. As long as this filter's is open the kernel refuses that. Once it is closed, a process could
// load a filter that reports the same calls to a listener of its own, and have them go on there:
// of several notifications the kernel takes that of the latest filter.
func NotifyRefused(filter []unix.SockFilter) []unix.SockFilter {
	filter = notify(filter, unix.SECCOMP_RET_ERRNO)
	var passes []uint32 // what is returned for a call that may be made
	for _, i := range filter {
		if i.Code == opRet && mayPass(i.K) && !slices.Contains(passes, i.K) {
			passes = append(passes, i.K)
		}
	}
	for _, pass := range passes {
		tail := len(filter)
		for at := range filter {
			if i := &filter[at]; i.Code == opRet && i.K == pass {
				*i = unix.SockFilter{Code: opJump, K: uint32(tail - at - 1)}
			}
		}
		filter = append(filter, exceptListener(pass)...)
	}
	return filter
}

// mayPass reports whether a call with this answer may be made.
func mayPass(answer uint32) bool {
	switch answer & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_TRACE:
		return true
	}
	return false
}

// exceptListener returns pass, but for a seccomp(2) that asks for a listener the errno that the
// kernel has while there is one.
func exceptListener(pass uint32) []unix.SockFilter {
	var c code
	allowed := c.stmt(opRet, pass)
	busy := c.stmt(opRet, unix.SECCOMP_RET_ERRNO|uint32(unix.EBUSY))
	_, flags := offsets(1, native().big)
	asks := c.jump(opJeq, 0, allowed, busy)
	asks = c.masked(flags, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, asks)
	next := allowed
	call := sysnr.Index("seccomp", 0)
	for _, name := range SupportedArchs() {
		if a := family(name); a != nil {
			number := c.load(dataNr, c.jump(opJeq, a.number(int(a.slots[call])), asks, next))
			next = c.load(dataArch, c.jump(opJeq, a.audit, number, next))
		}
	}
	slices.Reverse(c)
	return c
}

// NotifyAllowed is the filter with a notification of each call that it lets through. What it
// refuses in any way never gets to the listener. That makes it safe to answer with
// SECCOMP_USER_NOTIF_FLAG_CONTINUE there: nothing that memory holds, which other threads
// may change meanwhile (TOCTOU, see seccomp_unotify(2)), takes part in the decision. No filter at
// all lets everything through.
//
// Two calls are let through unseen, if the upper half of their third argument, which the kernel
// ignores, is [HandOverMark]: those by which init hands the listener over.
func NotifyAllowed(filter []unix.SockFilter) []unix.SockFilter {
	if filter == nil {
		filter = []unix.SockFilter{{Code: opRet, K: unix.SECCOMP_RET_ALLOW}}
	}
	_, low := offsets(2, native().big)
	high := low ^ 4
	prefix := []unix.SockFilter{
		{Code: opLoad, K: dataArch},
		{Code: opJeq, K: native().audit, Jf: 6},
		{Code: opLoad, K: dataNr},
		{Code: opJeq, K: unix.SYS_SENDMSG, Jt: 1},
		{Code: opJeq, K: unix.SYS_RECVMSG, Jf: 3},
		{Code: opLoad, K: high},
		{Code: opJeq, K: HandOverMark, Jf: 1},
		{Code: opRet, K: unix.SECCOMP_RET_ALLOW},
	}
	return append(prefix, notify(filter, unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG)...)
}

// HandOverMark is what init marks its calls with, see [NotifyAllowed].
const HandOverMark = 0x6372756e

// notify puts a notification in the place of answers of some kinds.
func notify(filter []unix.SockFilter, these ...uint32) []unix.SockFilter {
	filter = slices.Clone(filter)
	for i := range filter {
		if r := &filter[i]; r.Code == opRet && slices.Contains(these, r.K&unix.SECCOMP_RET_ACTION_FULL) {
			r.K = unix.SECCOMP_RET_USER_NOTIF
		}
	}
	return filter
}
