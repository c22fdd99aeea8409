package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A profile's filter can report calls to a listener instead of answering them, or of letting
// them be made: then some of what it returns is SECCOMP_RET_USER_NOTIF. Without anybody at the
// listener such a call answers ENOSYS.
//
// Of several filters SECCOMP_RET_ERRNO has precedence over a notification. So a second filter
// would not be told of what the first one refuses, and it has to be the same one.

// NotifyRefused is the filter with a notification in the place of each errno. What is let
// through, killed or left to a tracer stays as it is.
func NotifyRefused(filter []unix.SockFilter) []unix.SockFilter {
	return notify(filter, unix.SECCOMP_RET_ERRNO)
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
