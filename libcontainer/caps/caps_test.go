package caps

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// alone runs the test once more in a process of its own and reports whether
// this is that run, on one thread for good: what is given up is gone.
func alone(t *testing.T, groups ...uint32) bool {
	t.Helper()
	if os.Getenv("CAPS_TEST_ALONE") == t.Name() {
		runtime.LockOSThread()
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("changing ids and capabilities needs root")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "CAPS_TEST_ALONE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: groups}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// status reads what the kernel says of this thread.
func status(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("/proc/thread-self/status")
	systest.MustDo(t, err)
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	return fields
}

func expect(t *testing.T, want map[string]string) {
	t.Helper()
	got := status(t)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func hex(set uint64) string {
	s := strconv.FormatUint(set, 16)
	return strings.Repeat("0", 16-len(s)) + s
}

const (
	chown = 1 << unix.CAP_CHOWN
	kill  = 1 << unix.CAP_KILL
	bind  = 1 << unix.CAP_NET_BIND_SERVICE
	admin = 1 << unix.CAP_SYS_ADMIN
)

func TestBecome(t *testing.T) {
	if !alone(t, 0, 4242) {
		return
	}
	before, err := Permitted()
	systest.MustDo(t, err)
	systest.MustDo(t, Become(&plan.SetIdentity{UID: 1000, GID: 1001, Groups: []uint32{7, 8}, Umask: 0o027}))
	expect(t, map[string]string{
		"Uid": "1000 1000 1000 1000", "Gid": "1001 1001 1001 1001", "Groups": "7 8",
		"Umask": "0027", "CapPrm": hex(before), "CapEff": hex(0),
	})
}

func TestBecomeWithoutGroups(t *testing.T) {
	if !alone(t, 0, 4242) {
		return
	}
	systest.MustDo(t, Become(&plan.SetIdentity{UID: 1000, GID: 1001}))
	expect(t, map[string]string{"Groups": ""})
}

func TestBecomeKeepingGroups(t *testing.T) {
	if !alone(t, 0, 4242) {
		return
	}
	systest.MustDo(t, Become(&plan.SetIdentity{UID: 1000, GID: 1001, KeepGroups: true}))
	expect(t, map[string]string{"Groups": "0 4242"})
}

// TestBecomeUndumpable: nobody with the same ids may trace who has become one.
func TestBecomeUndumpable(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	systest.MustDo(t, Become(&plan.SetIdentity{})) // the ids stay, so the kernel changes nothing
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		t.Errorf("dumpable is %d, %v", dumpable, err)
	}
}

// TestApply: all five sets, after the ids have changed, are exactly as planned.
func TestApply(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, Become(&plan.SetIdentity{UID: 1000, GID: 1000}))
	systest.MustDo(t, Apply(&plan.SetCapabilities{Last: last(t), Bounding: chown | kill | bind, Permitted: chown | kill, Effective: kill, Inheritable: chown, Ambient: chown}))
	expect(t, map[string]string{
		"CapBnd": hex(chown | kill | bind), "CapPrm": hex(chown | kill), "CapEff": hex(kill), "CapInh": hex(chown), "CapAmb": hex(chown),
	})
}

// TestNoAllocation: init does this without Go's runtime.
func TestNoAllocation(t *testing.T) {
	if !alone(t) {
		return
	}
	all, err := Permitted()
	systest.MustDo(t, err)
	identity := &plan.SetIdentity{UID: 0, GID: 0, Groups: []uint32{7, 8}}
	capabilities := &plan.SetCapabilities{Last: last(t), Bounding: all &^ chown, Permitted: all, Effective: kill | 1<<unix.CAP_SETGID, Inheritable: bind, Ambient: bind}
	drop := &plan.DropAdmin{Effective: all, Permitted: all, Inheritable: bind}
	if n := testing.AllocsPerRun(5, func() {
		if err := errors.Join(Become(identity), Apply(capabilities), DropAdmin(drop)); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestApplyNothing(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, Apply(&plan.SetCapabilities{Last: last(t)}))
	expect(t, map[string]string{"CapBnd": hex(0), "CapPrm": hex(0), "CapEff": hex(0), "CapInh": hex(0), "CapAmb": hex(0)})
}

// TestApplyKeepAdmin: CAP_SYS_ADMIN stays for the filter, and nowhere that an
// execve could find it.
func TestApplyKeepAdmin(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, Become(&plan.SetIdentity{UID: 1000, GID: 1000}))
	systest.MustDo(t, Apply(&plan.SetCapabilities{Last: last(t), Bounding: chown, Permitted: chown, Effective: chown, KeepAdmin: true}))
	expect(t, map[string]string{
		"CapBnd": hex(chown), "CapPrm": hex(chown | admin), "CapEff": hex(chown | admin), "CapInh": hex(0), "CapAmb": hex(0),
	})
	out, err := exec.Command("/bin/grep", "Cap[PE]", "/proc/self/status").CombinedOutput()
	if err != nil || strings.Contains(string(out), "2") {
		t.Errorf("a program that is executed has\n%s%v", out, err)
	}
}

// TestApplyUnderFilter: what a filter of an outer sandbox answers is not taken for
// what the kernel does.
func TestApplyUnderFilter(t *testing.T) {
	for name, c := range map[string]struct {
		option  uint32
		errno   uint32
		want    string
		dropped bool
	}{
		"no read":    {unix.PR_CAPBSET_READ, uint32(unix.EINVAL), "PR_CAPBSET_READ: invalid argument", true},
		"no drop":    {unix.PR_CAPBSET_DROP, uint32(unix.EINVAL), "PR_CAPBSET_DROP: invalid argument", false},
		"false drop": {unix.PR_CAPBSET_DROP, 0, "capability 1 is still there", false},
	} {
		t.Run(name, func(t *testing.T) {
			if !alone(t) {
				return
			}
			_, err := sys.LoadFilter(0, []unix.SockFilter{
				{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // nr
				{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PRCTL, Jf: 3},
				{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: firstArgument},
				{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: c.option, Jf: 1},
				{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ERRNO | c.errno},
				{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW},
			})
			systest.MustDo(t, err)
			err = Apply(&plan.SetCapabilities{Last: last(t), Bounding: chown, Permitted: chown, Effective: chown})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if got := status(t)["CapBnd"]; (got == hex(chown)) != c.dropped {
				t.Errorf("the bounding set is %s", got)
			}
		})
	}
}

// firstArgument is where the low half of a system call's first argument is in
// struct seccomp_data, see seccomp(2).
var firstArgument = 16 + 4*uint32(binary.NativeEndian.Uint16([]byte{0, 1})&1)

func last(t *testing.T) int {
	t.Helper()
	n, err := Last()
	systest.MustDo(t, err)
	return n
}

func TestApplyMore(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, Apply(&plan.SetCapabilities{Last: last(t), Bounding: chown, Permitted: chown | 1<<unix.CAP_SETPCAP, Effective: chown | 1<<unix.CAP_SETPCAP}))
	err := Apply(&plan.SetCapabilities{Last: last(t), Permitted: chown | kill})
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "0x20") {
		t.Errorf("error %v, want %v and the missing one", err, unix.EPERM)
	}
}

func TestLast(t *testing.T) {
	data, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	systest.MustDo(t, err)
	last, err := Last()
	if want := strings.TrimSpace(string(data)); err != nil || strconv.Itoa(last) != want {
		t.Errorf("last capability is %d, %v, want %s", last, err, want)
	}
	for c := range 64 {
		if _, errno := bounding(c); (errno == 0) != (c <= last) {
			t.Errorf("capability %d: %v, the last is %d", c, errno, last)
		}
	}
}
