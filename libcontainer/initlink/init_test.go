package initlink

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// A collection would close files that an earlier test has dropped, while a later
// one counts descriptors.
func init() { debug.SetGCPercent(-1) }

// owner has no cgroup, wants no terminal and knows no hint.
type owner struct{}

func (owner) Cgroup() *cgroups.Cgroup { return nil }
func (owner) TakeTerminal(fd int) error {
	unix.Close(fd)
	return errors.New("nobody wants it")
}

// TestAwait: what init says is taken strictly, and descriptors that come with
// it do not stay.
func TestAwait(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	steps := []plan.Item{{Field: "hostname", Step: &plan.SetHostname{Name: "h"}}}
	for name, c := range map[string]struct {
		kind    wire.Kind
		payload []byte
		fds     []int
		want    string // in the error
	}{
		"the phase":          {wire.Phase, codec.Bytes([]uint64{uint64(plan.Mounted)}), nil, ""},
		"another phase":      {wire.Phase, codec.Bytes([]uint64{uint64(plan.Ready)}), nil, "unexpected message"},
		"no phase":           {wire.Phase, nil, nil, "unexpected message"},
		"a failed step":      {wire.Failed, encoded(0, fault.New(unix.EPERM, "why%n")), nil, `hostname: set hostname to "h": why`},
		"whole words":        {wire.Failed, encoded(0, &fault.Fault{Text: "why", Whole: true}), nil, "why"},
		"a step that is not": {wire.Failed, encoded(99, fault.New(0, "why")), nil, "why"},
		"malformed failure":  {wire.Failed, nil, nil, "malformed"},
		"raw child":          {wire.SpawnFailed, []byte{7, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0}, nil, "execute the sealed binary: permission denied"},
		"malformed child":    {wire.SpawnFailed, nil, nil, "unexpected EOF"},
		"what is not init's": {wire.Plan, nil, []int{null, null}, "unexpected message"},
		"two terminals":      {wire.Terminal, nil, []int{null, null}, "unexpected message"},
		"a terminal":         {wire.Terminal, nil, []int{null}, "nobody wants it"},
		"beside a phase":     {wire.Phase, codec.Bytes([]uint64{uint64(plan.Mounted)}), []int{null}, ""},
		"beside a failure":   {wire.Failed, encoded(0, &fault.Fault{Text: "why", Whole: true}), []int{null, null}, "why"},
		"an unknown message": {200, nil, []int{null}, "unexpected message"},
	} {
		t.Run(name, func(t *testing.T) {
			parent, child, err := wire.Pair()
			systest.MustDo(t, err)
			defer parent.Close()
			defer child.Close()
			noneLeft := systest.Descriptors(t)
			i := &Init{Process: &spawn.Process{Pid: -1, PidFD: -1, Conn: parent}, Owner: owner{}, Plan: &plan.Plan{Init: steps}, terminal: true}
			systest.MustDo(t, child.Send(c.kind, c.payload, c.fds...))
			_, err = i.Await(plan.Mounted)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			noneLeft()
		})
	}
}

// TestOneTerminal: one terminal is taken, and none that the configuration does not want.
func TestOneTerminal(t *testing.T) {
	for name, c := range map[string]struct {
		plan []plan.Item
		want int
	}{
		"with a terminal":    {[]plan.Item{{Step: &plan.Console{}}}, 1},
		"without a terminal": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			parent, child, err := wire.Pair()
			systest.MustDo(t, err)
			defer parent.Close()
			defer child.Close()
			got := 0
			i := &Init{Process: &spawn.Process{Pid: -1, PidFD: -1, Conn: parent}, Owner: taker{got: &got}, Plan: &plan.Plan{Init: c.plan}}
			systest.MustDo(t, i.SendPlan(wire.Opening{}))
			for range 3 {
				systest.MustDo(t, child.Send(wire.Terminal, nil, parent.FD()))
			}
			if _, err := i.Await(plan.Mounted); err == nil || !strings.Contains(err.Error(), "unexpected message") {
				t.Errorf("error %v", err)
			}
			if got != c.want {
				t.Errorf("%d were taken, want %d", got, c.want)
			}
			i.EndProgress()
		})
	}
}

// taker takes terminals.
type taker struct {
	owner
	got *int
}

func (t taker) TakeTerminal(fd int) error {
	*t.got++
	return unix.Close(fd)
}

func TestCheckListener(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	named, err := unix.MemfdCreate("anon_inode:seccomp notify", unix.MFD_CLOEXEC)
	systest.MustDo(t, err)
	defer unix.Close(named)
	for _, fd := range []int{null, named} {
		if checkListener(fd) == nil {
			t.Errorf("%d was taken for a listener", fd)
		}
	}
}

// TestLost: an init that is gone is reaped, and the reason is told as well as
// it can be.
func TestLost(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		say    func(wire.Conn) error
		want   string
	}{
		"exit":        {"exit 4", nil, "container init exited with status 4 and said nothing"},
		"signal":      {"kill -TERM $$", nil, "container init was ended by signal 15 (SIGTERM)"},
		"killed":      {"kill -KILL $$", nil, "container init was killed (SIGKILL) by someone else; possibly OOM-killed"},
		"seccomp":     {"ulimit -c 0; kill -SYS $$", nil, "container init was killed by its seccomp filter before it could execute the process"},
		"last words":  {"exit 1", func(c wire.Conn) error { return c.Send(wire.Failed, encoded(-1, fault.New(0, "why"))) }, "why"},
		"lives":       {"exec sleep 1000", nil, "the connection to init, which lives, is broken: broken pipe"},
		"raw child's": {"exit 1", func(c wire.Conn) error { return c.Send(wire.SpawnFailed, []byte{7, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0}) }, "execute the sealed binary: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			noneLeft := systest.Descriptors(t)
			parent, child, err := wire.Pair()
			systest.MustDo(t, err)
			if c.say != nil {
				systest.MustDo(t, c.say(child))
			}
			child.Close()
			process, err := os.StartProcess("/bin/sh", []string{"sh", "-c", c.script}, &os.ProcAttr{})
			systest.MustDo(t, err)
			pid := process.Pid
			process.Release()
			pidfd, err := unix.PidfdOpen(pid, 0)
			systest.MustDo(t, err)
			i := &Init{Process: &spawn.Process{Pid: pid, PidFD: pidfd, Conn: parent}, Owner: owner{}, Plan: new(plan.Plan), progress: wire.NewProgress()}
			// Only an end is a reason to look.
			if err := i.Lost(unix.EMFILE); err != unix.EMFILE || i.Process == nil {
				t.Fatalf("error %v", err)
			}
			if err := i.Lost(unix.EPIPE); err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if i.Process != nil {
				t.Error("undo would kill whoever has the pid now")
			}
			if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != unix.ECHILD {
				t.Errorf("it was not reaped: %v", err)
			}
			noneLeft()
		})
	}
}

// encoded is a failure as init sends it.
func encoded(step int, f *fault.Fault) []byte {
	return codec.Encode((&wire.Failure{Step: step, Fault: f}).Code)
}
