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

// TestLets: known arguments count, unknown ones may be the worst.
func TestLets(t *testing.T) {
	p, err := Compile(parse(t, `{"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/l","syscalls":[
		{"names":["sendmsg"],"action":"SCMP_ACT_ALLOW"}, {"names":["openat"],"action":"SCMP_ACT_NOTIFY"},
		{"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},
		{"names":["lseek"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":4294967296,"op":"SCMP_CMP_EQ"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		nr   uint32
		args []uint64
		want bool
	}{
		{unix.SYS_SENDMSG, nil, true},
		{unix.SYS_OPENAT, nil, false},
		{unix.SYS_READ, nil, false},
		{unix.SYS_CLONE, nil, false},
		{unix.SYS_CLONE, []uint64{unix.CLONE_PARENT | unix.CLONE_PIDFD | uint64(unix.SIGCHLD)}, true},
		{unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER}, false},
		{unix.SYS_LSEEK, []uint64{0, 1 << 32}, true},
		{unix.SYS_LSEEK, []uint64{0, 1}, false},
		{unix.SYS_LSEEK, []uint64{0}, false},
	} {
		if got := p.Lets(c.nr, c.args...); got != c.want {
			t.Errorf("call %d%v: %t", c.nr, c.args, got)
		}
	}
}

// TestLetsAsRun: with all arguments known, it is what the filter does.
func TestLetsAsRun(t *testing.T) {
	for name, cfg := range profiles(t) {
		p, err := Compile(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for nr := range uint32(500) {
			ret := run(p.Filter, &call{nr: nr, arch: native().audit, big: native().big}) & unix.SECCOMP_RET_ACTION_FULL
			passes := ret == unix.SECCOMP_RET_ALLOW || ret == unix.SECCOMP_RET_LOG
			if got := p.Lets(nr, 0, 0, 0, 0, 0, 0); got != passes {
				t.Errorf("%s: call %d gets %#x, and Lets says %t", name, nr, ret, got)
			}
		}
	}
}
