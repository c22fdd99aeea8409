package seccomp

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

func parse(t testing.TB, text string) *specs.LinuxSeccomp {
	t.Helper()
	cfg := &specs.LinuxSeccomp{}
	if err := json.Unmarshal([]byte(text), cfg); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestCompileNothing(t *testing.T) {
	for _, cfg := range []*specs.LinuxSeccomp{nil, {}} {
		if p, err := Compile(cfg); p != nil || err != nil {
			t.Errorf("Compile(%+v) = %v, %v, want nothing", cfg, p, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct{ cfg, field, text string }{
		{`{"defaultAction":"ALLOW"}`, "defaultAction", `unknown action "ALLOW"`},
		{`{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/l"}`, "defaultAction", "can't be the default"},
		{`{"defaultAction":"SCMP_ACT_KILL","defaultErrnoRet":1}`, "defaultErrnoRet", "returns no errno"},
		{`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}`, "defaultErrnoRet", "4096 is out of range, expected at most 4095"},
		{`{"defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":65536}`, "defaultErrnoRet", "at most 65535"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":5000}]}`, "syscalls[0].errnoRet", "5000 is out of range"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"mkdir","action":"SCMP_ACT_ERRNO"}]}`, "syscalls[0].names", "at least one"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_ERRNO"}]}`, "syscalls[0].names", "at least one"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86","X86"]}`, "architectures[1]", `unknown architecture "X86"`},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG","LOG"]}`, "flags[1]", `unknown flag "LOG"`},
		{`{"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"m"}`, "listenerMetadata", "without listenerPath"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY"}]}`, "listenerPath", "SCMP_ACT_NOTIFY"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/l","syscalls":[{"names":["read","write"],"action":"SCMP_ACT_NOTIFY"}]}`, "syscalls[0].names[1]", "write"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[""],"action":"SCMP_ACT_KILL"}]}`, "syscalls[0].names[0]", "empty"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"KILL"}]}`, "syscalls[0].action", `unknown action "KILL"`},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","errnoRet":0}]}`, "syscalls[0].errnoRet", "returns no errno"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"op":"EQ"}]}]}`, "syscalls[0].args[0].op", `unknown operator "EQ"`},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}`, "syscalls[0].args[0].index", "0 to 5"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
			{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":1,"op":"SCMP_CMP_EQ"}]},
			{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":1,"op":"SCMP_CMP_EQ"}]}]}`, "syscalls[1].names[0]", `"read"`},
	} {
		p, err := Compile(parse(t, test.cfg))
		var fe *plan.FieldError
		if !errors.As(err, &fe) {
			t.Errorf("%s: got %v, %v, want a FieldError", test.cfg, p, err)
			continue
		}
		if fe.Field != "linux.seccomp."+test.field || !strings.Contains(fe.Err.Error(), test.text) {
			t.Errorf("%s: got %v, want field %s and %q", test.cfg, err, test.field, test.text)
		}
	}
}

func TestFlags(t *testing.T) {
	const notify = `,"listenerPath":"/l","syscalls":[{"names":["read"],"action":"SCMP_ACT_NOTIFY"}]`
	for _, test := range []struct {
		keys   string
		flags  uint32
		notify bool
	}{
		{``, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, false},
		{`,"flags":[]`, 0, false},
		{`,"flags":["SECCOMP_FILTER_FLAG_TSYNC"]`, 0, false},
		{`,"flags":["SECCOMP_FILTER_FLAG_LOG"]`, unix.SECCOMP_FILTER_FLAG_LOG, false},
		{`,"flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]`, 0, false},
		{`,"flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]` + notify,
			unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, true},
		{notify, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, true},
	} {
		p, err := Compile(parse(t, `{"defaultAction":"SCMP_ACT_ALLOW"`+test.keys+`}`))
		if err != nil {
			t.Errorf("%s: %v", test.keys, err)
		} else if p.Flags != test.flags || p.Notify != test.notify {
			t.Errorf("%s: flags %#x, notify %t, want %#x, %t", test.keys, p.Flags, p.Notify, test.flags, test.notify)
		}
	}
}

func TestSkipped(t *testing.T) {
	p, err := Compile(parse(t, `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
		{"names":["read","no_such_call","close"],"action":"SCMP_ACT_ALLOW"},{"names":["nor_this"],"action":"SCMP_ACT_ERRNO"}]}`))
	if err != nil || !slices.Equal(p.Skipped, []string{"no_such_call", "nor_this"}) {
		t.Errorf("skipped %q, %v", p.Skipped, err)
	}
}

// TestVerdicts states on x86 what the documentation of Compile promises.
func TestVerdicts(t *testing.T) {
	const (
		eperm = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		allow = uint32(unix.SECCOMP_RET_ALLOW)
		log   = uint32(unix.SECCOMP_RET_LOG)
		trap  = uint32(unix.SECCOMP_RET_TRAP)
	)
	amd64, i386 := archX86_64.audit, archX86.audit
	upTo := func(action, more string) string {
		return `{"defaultAction":"` + action + `","syscalls":[{"names":["read","fork","futex_waitv"],"action":"SCMP_ACT_ALLOW"}` + more + `]}`
	}
	x32 := `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X32"],"syscalls":[{"names":["read","fork"],"action":"SCMP_ACT_ALLOW"}]}`
	x86 := `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"syscalls":[{"names":["socket","read"],"action":"SCMP_ACT_ALLOW"}]}`
	twice := `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
		{"names":["read"],"action":"SCMP_ACT_ALLOW"},{"names":["read"],"action":"SCMP_ACT_TRAP"}]}`
	or := `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[
		{"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":3,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}]}`
	and := `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG","args":[
		{"index":1,"value":3,"op":"SCMP_CMP_EQ"},{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]}`
	higher := `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
		{"names":["read"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
		{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":1,"value":3,"op":"SCMP_CMP_EQ"}]}]}`
	for _, test := range []struct {
		why, cfg string
		call     call
		want     uint32
	}{
		{"named", upTo("SCMP_ACT_ERRNO", ""), call{nr: 0, arch: amd64}, allow},
		{"default", upTo("SCMP_ACT_ERRNO", ""), call{nr: 1, arch: amd64}, eperm},
		{"newest of the profile", upTo("SCMP_ACT_ERRNO", ""), call{nr: 449, arch: amd64}, allow},
		{"newer than the profile", upTo("SCMP_ACT_ERRNO", ""), call{nr: 450, arch: amd64}, retENOSYS},
		{"newer, default kill", upTo("SCMP_ACT_KILL_PROCESS", ""), call{nr: 450, arch: amd64}, retENOSYS},
		{"newer, default trap", upTo("SCMP_ACT_TRAP", ""), call{nr: 450, arch: amd64}, retENOSYS},
		{"newer, default log", upTo("SCMP_ACT_LOG", ""), call{nr: 450, arch: amd64}, log},
		{"newer, default trace", upTo("SCMP_ACT_TRACE", ""), call{nr: 450, arch: amd64}, unix.SECCOMP_RET_TRACE | 1},
		{"named with the default action", upTo("SCMP_ACT_ERRNO", `,{"names":["cachestat"],"action":"SCMP_ACT_ERRNO"}`),
			call{nr: 450, arch: amd64}, eperm},
		{"no syscall named", `{"defaultAction":"SCMP_ACT_ERRNO"}`, call{nr: 9999, arch: amd64}, eperm},
		{"foreign architecture", upTo("SCMP_ACT_ERRNO", ""), call{nr: 0, arch: archARM.audit}, retKillThread},
		{"x86 not listed", upTo("SCMP_ACT_ERRNO", ""), call{nr: 0, arch: i386}, retKillThread},
		{"x32 not listed", upTo("SCMP_ACT_ERRNO", ""), call{nr: x32Bit, arch: amd64}, retKillThread},
		{"skipped by a tracer", upTo("SCMP_ACT_ERRNO", ""), call{nr: ^uint32(0), arch: amd64}, eperm},
		{"x32 listed", x32, call{nr: x32Bit, arch: amd64}, allow},
		{"x32 listed, native", x32, call{nr: 57, arch: amd64}, allow},
		{"x32 listed, newer", x32, call{nr: x32Bit + 58, arch: amd64}, retENOSYS},
		{"direct", x86, call{nr: 3, arch: i386}, allow},
		{"socketcall, socket", x86, call{nr: 102, arch: i386, args: [6]uint64{1}}, retENOSYS},
		{"unconditional covers, first counts", twice, call{nr: 0, arch: amd64, args: [6]uint64{1}}, allow},
		{"or, first", or, call{nr: 0, arch: amd64, args: [6]uint64{1}}, log},
		{"or, second", or, call{nr: 0, arch: amd64, args: [6]uint64{9, 3}}, log},
		{"or, none", or, call{nr: 0, arch: amd64, args: [6]uint64{9, 9}}, eperm},
		{"high word", or, call{nr: 0, arch: amd64, args: [6]uint64{1 << 32}}, eperm},
		{"and", and, call{nr: 0, arch: amd64, args: [6]uint64{1, 3}}, log},
		{"and, half", and, call{nr: 0, arch: amd64, args: [6]uint64{1, 4}}, eperm},
		{"higher argument first", higher, call{nr: 0, arch: amd64, args: [6]uint64{1, 3}}, trap},
	} {
		p, err := check(parse(t, test.cfg), &archX86_64, finder(everyFamily()[0]))
		if err != nil {
			t.Fatalf("%s: %v", test.why, err)
		}
		prog, err := compile(p)
		if err != nil {
			t.Fatalf("%s: %v", test.why, err)
		}
		if got := run(prog.Filter, &test.call); got != test.want {
			t.Errorf("%s: got %#x, want %#x", test.why, got, test.want)
		}
	}
}

// TestTooMany: what can be no filter is refused before it is compared with itself.
func TestTooMany(t *testing.T) {
	conditions := func(n int) (list []specs.LinuxSeccompArg) {
		for i := range n {
			list = append(list, specs.LinuxSeccompArg{Op: specs.OpEqualTo, Value: uint64(i)})
		}
		return list
	}
	var names []string
	for i := range archX86_64.slots {
		if archX86_64.slots[i] != sysnr.None {
			names = append(names, sysnr.Name(i))
		}
	}
	for name, c := range map[string]struct {
		entry, again specs.LinuxSyscall
		field        string
	}{
		"conditions": {specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActAllow, Args: conditions(MaxInsns)},
			specs.LinuxSyscall{Names: []string{"write"}, Action: specs.ActAllow, Args: conditions(1)}, "linux.seccomp.syscalls[1].args"},
		"rules": {specs.LinuxSyscall{Names: names, Action: specs.ActAllow, Args: conditions(1)},
			specs.LinuxSyscall{Names: names, Action: specs.ActAllow, Args: conditions(100)}, "linux.seccomp.syscalls[1].names["},
	} {
		_, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{c.entry, c.again}})
		var fe *plan.FieldError
		if !errors.As(err, &fe) || !strings.HasPrefix(fe.Field, c.field) || !strings.Contains(err.Error(), "at most 4096") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTooLong also has jumps that are too far for a conditional one.
func TestTooLong(t *testing.T) {
	cfg := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	for i := range 300 {
		cfg.Syscalls = append(cfg.Syscalls, specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Op: specs.OpGreaterThan, Value: uint64(i) << 33}, {Index: 1, Op: specs.OpEqualTo, Value: 5}}})
	}
	mean(t, cfg, []*arch{&archX86_64})
	for i := range 300 {
		cfg.Syscalls = append(cfg.Syscalls, specs.LinuxSyscall{Names: []string{"close"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Op: specs.OpGreaterThan, Value: uint64(i) << 33}, {Index: 1, Op: specs.OpEqualTo, Value: 5}}})
	}
	p, err := check(cfg, &archX86_64, finder(nil))
	if err != nil {
		t.Fatal(err)
	}
	var fe *plan.FieldError
	if prog, err := compile(p); !errors.As(err, &fe) || fe.Field != "linux.seccomp" {
		t.Errorf("got %v, %v, want an error", prog, err)
	}
}

func TestSupported(t *testing.T) {
	for _, list := range [][]string{SupportedActions(), SupportedOperators(), SupportedArchs(), SupportedFlags()} {
		if !slices.IsSorted(list) {
			t.Errorf("not sorted: %q", list)
		}
	}
	for _, family := range everyFamily() {
		for _, a := range family {
			if !knownArch(a.name) {
				t.Errorf("%s is not among the supported ones", a.name)
			}
		}
	}
}

// TestDockerProfile keeps the filter of the most used profile small.
func TestDockerProfile(t *testing.T) {
	p, err := check(profiles(t)["docker"], &archX86_64, finder(everyFamily()[0]))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(prog.Filter); n > 400 {
		t.Errorf("%d instructions", n)
	} else {
		t.Log(n, "instructions")
	}
}

// FuzzCompile feeds profiles to the compiler, which must refuse them or make
// filters that the kernel takes and that always end.
func FuzzCompile(f *testing.F) {
	for _, cfg := range profiles(f) {
		raw, err := json.Marshal(cfg)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		cfg := &specs.LinuxSeccomp{}
		if json.Unmarshal(raw, cfg) != nil || cfg.DefaultAction == "" && len(cfg.Syscalls) == 0 {
			return
		}
		for _, family := range everyFamily() {
			p, err := check(cfg, family[0], finder(family))
			if err != nil {
				continue
			}
			prog, err := compile(p)
			if err != nil {
				continue
			}
			verify(t, prog)
			for _, a := range family {
				for _, nr := range []uint32{a.base, a.base + 102, a.base + 400, a.base + 5000} {
					run(prog.Filter, &call{nr: nr, arch: a.audit, big: a.big})
				}
			}
		}
	})
}
