package seccomp

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// nativeFamily is the architectures that this machine's kernel runs.
func nativeFamily() (all []*arch) {
	for _, name := range SupportedArchs() {
		if a := family(name); a != nil {
			all = append(all, a)
		}
	}
	return all
}

// notifiable are profiles without SCMP_ACT_NOTIFY: those of engines, and random ones.
func notifiable(t *testing.T) map[string]*specs.LinuxSeccomp {
	t.Helper()
	all := profiles(t)
	names := []string{"socket", "sendto", "semop", "shmat", "clone", "mkdir", "personality", "fcntl64", "openat2", "read"}
	for seed := range uint64(60) {
		cfg := randomProfile(rand.New(rand.NewPCG(seed, 7)), nativeFamily(), names, false)
		for i := range cfg.Syscalls {
			if cfg.Syscalls[i].Action == specs.ActNotify {
				cfg.Syscalls[i].Action = specs.ActErrno
			}
		}
		if _, err := compiled(cfg); err == nil {
			all[fmt.Sprintf("random %d", seed)] = cfg
		}
	}
	return all
}

// compiled is what the compiler written here makes of a profile: libseccomp might not return on
// random ones.
func compiled(cfg *specs.LinuxSeccomp) (*Program, error) {
	p, err := check(cfg, native(), family)
	if err != nil {
		return nil, err
	}
	return compile(p)
}

// everyCall calls f with each call of the machine's architectures, with the arguments that matter.
func everyCall(t *testing.T, cfg *specs.LinuxSeccomp, f func(*arch, *Call)) {
	t.Helper()
	p, err := check(cfg, native(), family)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range append(nativeFamily(), foreign) {
		for _, nr := range numbers(a) {
			if a.audit == archX86_64.audit && nr&x32Bit != a.base {
				continue // the other architecture's
			}
			vectors := arguments(p, a, nr)
			for _, args := range vectors[:min(len(vectors), 40)] {
				f(a, &Call{Number: nr, Arch: a.audit, Args: args})
			}
		}
	}
}

func TestNotifyRefused(t *testing.T) {
	for name, cfg := range notifiable(t) {
		t.Run(name, func(t *testing.T) {
			prog, err := compiled(cfg)
			if err != nil {
				t.Fatal(err)
			}
			refusals, err := NewRefusals(cfg, prog.Filter)
			if err != nil {
				t.Fatal(err)
			}
			reporting := NotifyRefused(prog.Filter)
			checked := 0
			everyCall(t, cfg, func(a *arch, c *Call) {
				before, now := c.answer(prog.Filter), c.answer(reporting)
				if before&unix.SECCOMP_RET_ACTION_FULL != unix.SECCOMP_RET_ERRNO {
					if now != before {
						t.Fatalf("%s %d %#x: %#x has become %#x", a.name, c.Number, c.Args, before, now)
					}
					if got := refusals.Answer(c); got != unix.ENOSYS {
						t.Fatalf("%s %d %#x: the filter does not refuse it, and it is answered %v", a.name, c.Number, c.Args, got)
					}
					return
				}
				errno := unix.Errno(before & unix.SECCOMP_RET_DATA)
				if got := refusals.Answer(c); now != unix.SECCOMP_RET_USER_NOTIF || got != errno {
					t.Fatalf("%s %d %#x: %#x has become %#x and %v", a.name, c.Number, c.Args, before, now, got)
				}
				// Each by itself, or the list is soon full.
				refusals.List, refusals.known = nil, map[callKey]int{}
				refusals.Add(c, errno)
				r := refusals.List[0]
				if r.Rule.Action != specs.ActErrno || r.Rule.Data != uint16(errno) || r.Call != *c || r.Architecture != a.name && r.Name != "" || r.Count != 1 {
					t.Fatalf("%s %d %#x: errno %d is told as %+v", a.name, c.Number, c.Args, errno, r)
				}
				checked++
			})
			t.Log(checked, "refused calls")
		})
	}
}

// TestNoOtherListener: a call that may be made is, but for a listener, by whatever architecture.
func TestNoOtherListener(t *testing.T) {
	call := sysnr.Index("seccomp", 0)
	for name, cfg := range notifiable(t) {
		prog, err := compiled(cfg)
		if err != nil {
			t.Fatal(err)
		}
		reporting := NotifyRefused(prog.Filter)
		for _, a := range nativeFamily() {
			for flags := range uint64(64) {
				c := Call{Number: a.number(int(a.slots[call])), Arch: a.audit, Args: [MaxArgs]uint64{unix.SECCOMP_SET_MODE_FILTER, flags | 1<<40}}
				want := c.answer(prog.Filter)
				switch {
				case want&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO:
					want = unix.SECCOMP_RET_USER_NOTIF
				case mayPass(want) && flags&unix.SECCOMP_FILTER_FLAG_NEW_LISTENER != 0:
					want = unix.SECCOMP_RET_ERRNO | uint32(unix.EBUSY)
				}
				if got := c.answer(reporting); got != want {
					t.Fatalf("%s: %s flags %#x: expected %#x, got %#x", name, a.name, flags, want, got)
				}
			}
		}
	}
}

func TestNotifyAllowed(t *testing.T) {
	for name, cfg := range notifiable(t) {
		prog, err := compiled(cfg)
		if err != nil {
			t.Fatal(err)
		}
		reporting := NotifyAllowed(prog.Filter)
		everyCall(t, cfg, func(a *arch, c *Call) {
			before, now := c.answer(prog.Filter), c.answer(reporting)
			switch before & unix.SECCOMP_RET_ACTION_FULL {
			case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG:
				before = unix.SECCOMP_RET_USER_NOTIF
			}
			if now != before {
				t.Fatalf("%s: %s %d %#x: expected %#x, got %#x", name, a.name, c.Number, c.Args, before, now)
			}
		})
	}
}

func TestHandOverMark(t *testing.T) {
	filter := NotifyAllowed(nil)
	const marked = HandOverMark << 32
	for _, c := range []struct {
		nr   uint32
		arch uint32
		arg  uint64
		want uint32
	}{
		{unix.SYS_SENDMSG, native().audit, marked, unix.SECCOMP_RET_ALLOW},
		{unix.SYS_RECVMSG, native().audit, marked | unix.MSG_CMSG_CLOEXEC, unix.SECCOMP_RET_ALLOW},
		{unix.SYS_RECVMSG, native().audit, HandOverMark, unix.SECCOMP_RET_USER_NOTIF},
		{unix.SYS_SENDMSG, native().audit, 0, unix.SECCOMP_RET_USER_NOTIF},
		{unix.SYS_WRITE, native().audit, marked, unix.SECCOMP_RET_USER_NOTIF},
		{unix.SYS_SENDMSG, foreign.audit, marked, unix.SECCOMP_RET_USER_NOTIF},
	} {
		call := Call{Number: c.nr, Arch: c.arch, Args: [MaxArgs]uint64{3, 4, c.arg}}
		if got := call.answer(filter); got != c.want {
			t.Errorf("%d of %#x with %#x: %#x, expected %#x", c.nr, c.arch, c.arg, got, c.want)
		}
	}
}

// TestRefusalsBounded: what a container can do to the list.
func TestRefusalsBounded(t *testing.T) {
	cfg := parse(t, `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":5,"op":"SCMP_CMP_GT"}]}]}`)
	prog, err := compiled(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRefusals(cfg, prog.Filter)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i := range uint64(3 * maxRefusals) {
			// What no rule compares makes no difference.
			r.Add(&Call{Number: unix.SYS_PERSONALITY, Arch: native().audit, Args: [MaxArgs]uint64{6 + i%(maxRefusals+10), i}}, unix.EPERM)
		}
	}
	counted := uint64(0)
	for _, one := range r.List {
		counted += one.Count
	}
	if len(r.List) != maxRefusals || r.Unlisted == 0 || counted+r.Unlisted != 6*maxRefusals {
		t.Errorf("%d in the list, %d counted, %d not", len(r.List), counted, r.Unlisted)
	}
	if got := r.List[0].Rule.Conditions(); !slices.Equal(got, []string{"arg0 > 5"}) || r.List[0].Rule.Field != "linux.seccomp.syscalls[0]" {
		t.Errorf("by %q of %s", got, r.List[0].Rule.Field)
	}
}

// recorded makes a recording of some of the calls that a profile lets through.
func recorded(t *testing.T, cfg *specs.LinuxSeccomp, archs []*arch) (p *specs.LinuxSeccomp, calls []Call) {
	t.Helper()
	prog, err := compiled(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRecording(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pick := rand.New(rand.NewPCG(1, 8))
	everyCall(t, cfg, func(a *arch, c *Call) {
		switch c.answer(prog.Filter) & unix.SECCOMP_RET_ACTION_FULL {
		case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG:
			if pick.IntN(20) == 0 && slices.Contains(archs, a) && nameOf(a, c.Number) != "?" && len(calls) < 400 {
				r.Add(c)
				calls = append(calls, *c)
			}
		}
	})
	if r.Unnamed > 0 || len(r.Cut()) > 0 {
		t.Fatalf("%d without a name, of %v not all", r.Unnamed, r.Cut())
	}
	if len(r.Left()) > 0 {
		t.Logf("left out: %v", r.Left())
		if len(archs) == 1 {
			t.Fatalf("left out: %v", r.Left())
		}
		calls = slices.DeleteFunc(calls, func(c Call) bool { at, _ := r.calls.find(&c); return at != 0 })
	}
	return r.Profile([]Need{{"execve", nil}, {"clone", []uint64{17, 0}}, {"mount", nil}}), calls
}

// TestRecording: a recorded profile allows what was recorded, nothing that the one before did not,
// and no call that was neither made nor needed.
func TestRecording(t *testing.T) {
	for name, cfg := range notifiable(t) {
		t.Run(name+"/native", func(t *testing.T) { checkRecording(t, cfg, []*arch{native()}) })
		t.Run(name+"/all", func(t *testing.T) { checkRecording(t, cfg, nativeFamily()) })
	}
}

func checkRecording(t *testing.T, cfg *specs.LinuxSeccomp, archs []*arch) {
	p, calls := recorded(t, cfg, archs)
	before, err := compiled(cfg)
	if err != nil {
		t.Fatal(err)
	}
	now, err := compiled(p)
	if err != nil {
		t.Fatal(err)
	}
	may := map[string]bool{"execve": true, "clone": true, "mount": true}
	for _, name := range ownNeeds {
		may[name] = true
	}
	for _, c := range calls {
		if got := c.answer(now.Filter); got != unix.SECCOMP_RET_ALLOW {
			t.Errorf("%d of %#x, %#x was recorded, and gets %#x", c.Number, c.Arch, c.Args, got)
		}
		for _, a := range nativeFamily() {
			if a.audit == c.Arch {
				may[nameOf(a, c.Number)] = true
			}
		}
	}
	for name := range maps.Clone(may) { // which can be made through them, too
		if at := sysnr.Index(name, 0); at >= 0 && archX86.multiplexed(at) {
			may["socketcall"], may["ipc"] = true, true
		}
	}
	both := *cfg
	both.Syscalls = append(slices.Clone(cfg.Syscalls), p.Syscalls...) // for the values that matter to either
	everyCall(t, &both, func(a *arch, c *Call) {
		if c.answer(now.Filter) != unix.SECCOMP_RET_ALLOW {
			return
		}
		if !may[nameOf(a, c.Number)] {
			t.Fatalf("%s %s: neither made nor needed, and allowed", a.name, nameOf(a, c.Number))
		}
		was := c.answer(before.Filter) & unix.SECCOMP_RET_ACTION_FULL
		if was != unix.SECCOMP_RET_ALLOW && was != unix.SECCOMP_RET_LOG {
			t.Fatalf("%s %s %#x: allowed, and got %#x before", a.name, nameOf(a, c.Number), c.Args, was)
		}
	})
}

func TestRecordingOfDocker(t *testing.T) {
	r, err := NewRecording(profiles(t)["docker"])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Call{
		{Number: unix.SYS_READ}, {Number: unix.SYS_PERSONALITY, Args: [MaxArgs]uint64{8, 1}},
		{Number: unix.SYS_CLONE, Args: [MaxArgs]uint64{unix.CLONE_VM | unix.CLONE_VFORK | 17}},
		{Number: unix.SYS_CLONE, Args: [MaxArgs]uint64{17}},
	} {
		c.Arch = native().audit
		r.Add(&c)
	}
	p := r.Profile([]Need{{"close", nil}})
	var lines []string
	for _, call := range p.Syscalls {
		line := strings.Join(call.Names, " ") + " " + string(call.Action)
		if call.ErrnoRet != nil {
			line += fmt.Sprint(" ", *call.ErrnoRet)
		}
		for _, a := range call.Args {
			line += fmt.Sprintf(" %d %s %#x %#x", a.Index, a.Op, a.Value, a.ValueTwo)
		}
		lines = append(lines, line)
	}
	for _, want := range []string{
		"clone SCMP_ACT_ALLOW 0 SCMP_CMP_MASKED_EQ 0x7e020000 0x0",
		"personality SCMP_ACT_ALLOW 0 SCMP_CMP_EQ 0x8 0x0",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if !strings.Contains(lines[0], " close ") || !strings.Contains(lines[0], " read ") || strings.Contains(lines[0], "clone") {
		t.Errorf("always allowed: %s", lines[0])
	}
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, fmt.Sprint(" SCMP_ACT_ERRNO ", int(unix.ENOSYS))) || !strings.Contains(last, "clone3") {
		t.Errorf("glibc falls back to clone(2) only from ENOSYS: %s", last)
	}
	if len(lines) != 4 {
		t.Errorf("%d entries: %s", len(lines), strings.Join(lines, "\n"))
	}
}

func TestRecordingBounded(t *testing.T) {
	cfg := parse(t, `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":5,"op":"SCMP_CMP_LT"}]}]}`)
	r, err := NewRecording(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(10 * maxValues) {
		r.Add(&Call{Number: unix.SYS_PERSONALITY, Arch: native().audit, Args: [MaxArgs]uint64{i}})
	}
	r.Add(&Call{Number: sysnr.Max + 5, Arch: native().audit})
	if len(r.seen) != maxValues+1 || !slices.Equal(r.Cut(), []string{"personality"}) || r.Unnamed != 1 {
		t.Errorf("%d recorded, cut %v, %d without a name", len(r.seen), r.Cut(), r.Unnamed)
	}
}
