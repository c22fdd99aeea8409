package seccomp

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestDenies(t *testing.T) {
	for _, test := range []struct {
		cfg    string
		denies map[uint32]bool
	}{
		{`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/l","syscalls":[
			{"names":["mkdirat","openat"],"action":"SCMP_ACT_NOTIFY"},{"names":["close"],"action":"SCMP_ACT_KILL"},
			{"names":["dup"],"action":"SCMP_ACT_LOG"},{"names":["getpid"],"action":"SCMP_ACT_TRAP"},
			{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":3,"op":"SCMP_CMP_EQ"}]}]}`,
			map[uint32]bool{unix.SYS_SENDMSG: false, unix.SYS_OPENAT: false, unix.SYS_CLOSE: true, unix.SYS_DUP: false,
				unix.SYS_GETPID: true, unix.SYS_READ: true, 9999: false}},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
			{"names":["sendmsg","close"],"action":"SCMP_ACT_ALLOW"},
			{"names":["recvmsg"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":255,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]}`,
			map[uint32]bool{unix.SYS_SENDMSG: false, unix.SYS_CLOSE: false, unix.SYS_RECVMSG: true, unix.SYS_OPENAT: true, 9999: true}},
	} {
		p, err := Compile(parse(t, test.cfg))
		if err != nil {
			t.Fatal(err)
		}
		for nr, want := range test.denies {
			if got := p.Denies(nr); got != want {
				t.Errorf("%s: denies %d: %t, want %t", test.cfg, nr, got, want)
			}
		}
	}
}

// TestDeniesAsRun: what a filter does with a call's arguments all zero is among
// what Denies follows.
func TestDeniesAsRun(t *testing.T) {
	for name, cfg := range profiles(t) {
		p, err := Compile(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for nr := range uint32(500) {
			ret := run(p.Filter, &call{nr: nr, arch: native().audit, big: native().big}) & unix.SECCOMP_RET_ACTION_FULL
			passes := ret == unix.SECCOMP_RET_ALLOW || ret == unix.SECCOMP_RET_LOG || ret == unix.SECCOMP_RET_USER_NOTIF
			if !passes && !p.Denies(nr) {
				t.Errorf("%s: call %d gets %#x, and Denies says no", name, nr, ret)
			}
		}
	}
}
