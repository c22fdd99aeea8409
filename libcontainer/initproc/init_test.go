package initproc

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// initProcess is this test binary as an init: the package takes it over.
type initProcess struct {
	*exec.Cmd
	conn wire.Conn
	out  strings.Builder
}

func startInit(t *testing.T) *initProcess {
	t.Helper()
	parent, child, err := wire.Pair()
	systest.MustDo(t, err)
	p := &initProcess{Cmd: exec.Command("/proc/self/exe"), conn: parent}
	p.Args = []string{Name, "3"}
	p.ExtraFiles = []*os.File{os.NewFile(uintptr(child.FD()), "socket")}
	p.Stdout, p.Stderr = &p.out, &p.out
	systest.MustDo(t, p.Start())
	p.ExtraFiles[0].Close()
	t.Cleanup(func() {
		p.conn.Close()
		p.Process.Kill()
		p.Wait()
	})
	return p
}

func (p *initProcess) send(t *testing.T, o wire.Opening, steps []plan.InitStep, fds ...int) {
	t.Helper()
	var plans plan.Plan
	for _, s := range steps {
		plans.Init = append(plans.Init, plan.Item{Step: s})
	}
	var err error
	payload := codec.Encode(func(c *codec.Coder) {
		o.Code(c)
		err = plans.CodeInit(c)
	})
	systest.MustDo(t, err)
	systest.MustDo(t, p.conn.Send(wire.Plan, payload, fds...))
}

// wait reports the exit code and what was printed.
func (p *initProcess) wait(t *testing.T) (int, string) {
	t.Helper()
	p.Wait()
	return p.ProcessState.ExitCode(), p.out.String()
}

func (p *initProcess) failure(t *testing.T) *wire.Failure {
	t.Helper()
	m, err := p.conn.Recv()
	systest.MustDo(t, err)
	if m.Kind != wire.Failed {
		t.Fatalf("message of kind %d: %q", m.Kind, m.Payload)
	}
	f, err := wire.DecodeFailure(m.Payload)
	systest.MustDo(t, err)
	return f
}

func shell(script string) []plan.InitStep {
	return []plan.InitStep{
		&plan.FindExecutable{Name: "sh", Path: "/bin"},
		&plan.Sync{Phase: plan.Ready},
		&plan.Execute{Args: []string{"sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin", "A=1"}},
	}
}

func (p *initProcess) ready(t *testing.T) {
	t.Helper()
	m, err := p.conn.Recv()
	systest.MustDo(t, err)
	if m.Kind != wire.Phase || plan.Phase(m.Payload[0]) != plan.Ready {
		t.Fatalf("message of kind %d: %q", m.Kind, m.Payload)
	}
}

func TestExecute(t *testing.T) {
	p := startInit(t)
	p.send(t, wire.Opening{}, append([]plan.InitStep{&plan.Chdir{Path: "/usr"}}, shell("echo $A; pwd; exit 5")...))
	p.ready(t)
	if _, err := p.conn.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after execve: %v, want %v", err, io.EOF)
	}
	if code, out := p.wait(t); code != 5 || out != "1\n/usr\n" {
		t.Errorf("exit code %d, output %q", code, out)
	}
}

// TestInherited: of descriptors the program has the standard streams and what
// is preserved, of everything else nothing (CVE-2024-21626).
func TestInherited(t *testing.T) {
	p := startInit(t)
	p.send(t, wire.Opening{}, shell(`for n in /proc/$$/fd/?; do case ${n##*/} in 0|1|2) ;; *) readlink $n;; esac; done`))
	p.ready(t)
	if _, out := p.wait(t); strings.Contains(out, "socket:") || strings.Contains(out, "anon_inode") {
		t.Errorf("the program has\n%s", out)
	}
}

// failed is what is looked at of a wire.Failure.
type failed struct {
	Step           int
	Errno          unix.Errno
	Text           string
	Whole, Refused bool
}

func TestFailedStep(t *testing.T) {
	for name, c := range map[string]struct {
		steps []plan.InitStep
		want  failed
	}{
		"no such directory": {
			[]plan.InitStep{&plan.Chdir{Path: "/"}, &plan.Chdir{Path: "/no/such"}},
			failed{Step: 1, Errno: unix.ENOENT, Whole: true, Text: `chdir to cwd ("/no/such") set in config.json failed: no such file or directory`},
		},
		"not found": {
			append([]plan.InitStep{&plan.FindExecutable{Name: "nonsense", Path: "/bin"}}, shell("")...),
			failed{Step: 0, Whole: true, Text: `exec: "nonsense": executable file not found in $PATH`},
		},
		"no plan's end": {
			[]plan.InitStep{&plan.Chdir{Path: "/"}},
			failed{Step: -1, Text: "the plan ended without executing anything"},
		},
		"exec format": {
			nil, failed{Step: 2, Errno: unix.ENOEXEC, Whole: true, Refused: true, Text: ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startInit(t)
			if c.steps == nil {
				garbage := t.TempDir() + "/garbage"
				systest.MustDo(t, os.WriteFile(garbage, []byte("\x01\x02"), 0o755))
				c.steps = []plan.InitStep{&plan.FindExecutable{Name: garbage}, &plan.Sync{Phase: plan.Ready}, &plan.Execute{Args: []string{"x"}}}
				c.want.Text = "exec " + garbage + ": exec format error"
			}
			p.send(t, wire.Opening{}, c.steps)
			if name == "exec format" {
				p.ready(t)
			}
			f := p.failure(t)
			if got := (failed{f.Step, f.Errno, f.Error(), f.Whole, f.Refused}); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if code, out := p.wait(t); code != 1 || out != "" {
				t.Errorf("exit code %d, output %q", code, out)
			}
		})
	}
}

// TestGone: init ends without a word when the runtime is gone, before the plan
// and at mounted.
func TestGone(t *testing.T) {
	p := startInit(t)
	systest.MustDo(t, unix.Shutdown(p.conn.FD(), unix.SHUT_RDWR))
	if code, out := p.wait(t); code != 1 || out != "" {
		t.Errorf("exit code %d, output %q", code, out)
	}
	p = startInit(t)
	p.send(t, wire.Opening{}, append([]plan.InitStep{&plan.Sync{Phase: plan.Mounted}}, shell("echo ran")...))
	_, err := p.conn.Recv()
	systest.MustDo(t, err)
	systest.MustDo(t, unix.Shutdown(p.conn.FD(), unix.SHUT_RDWR))
	if code, out := p.wait(t); code != 1 || out != "" {
		t.Errorf("exit code %d, output %q", code, out)
	}
}

func TestMalformedPlan(t *testing.T) {
	for name, payload := range map[string][]byte{"empty": {}, "cut": {0, 0, 0, 5}, "no plan": {0, 0, 0, 0}} {
		p := startInit(t)
		systest.MustDo(t, p.conn.Send(wire.Plan, payload))
		if f := p.failure(t); f.Step != -1 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	p := startInit(t)
	systest.MustDo(t, p.conn.Send(wire.Continue, nil))
	if f := p.failure(t); !strings.Contains(f.Error(), "unexpected message") {
		t.Errorf("%+v", f)
	}
}

// TestByHand: whoever starts init by hand is told.
func TestByHand(t *testing.T) {
	for _, args := range [][]string{{Name}, {Name, "x"}, {Name, "0"}, {Name, "99"}, {Name, "-1"}, {Name, "3", "4"}} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = args
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "started by crun-go itself") {
			t.Errorf("%q: %v, %q", args, err, out)
		}
	}
}

// fifos are both ends of exec.fifo and answer.fifo: init's, start's.
type fifos struct{ init, start []int }

func makeFifos(t *testing.T) (f fifos) {
	t.Helper()
	for _, name := range [...]string{"exec.fifo", "answer.fifo"} {
		path := t.TempDir() + "/" + name
		systest.MustDo(t, unix.Mkfifo(path, 0o600))
		for _, fds := range [...]*[]int{&f.init, &f.start} {
			flags := unix.O_RDWR
			if fds == &f.start && name == "answer.fifo" {
				flags = unix.O_RDONLY | unix.O_NONBLOCK
			}
			fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
			systest.MustDo(t, err)
			*fds = append(*fds, fd)
		}
		systest.MustDo(t, os.Remove(path))
	}
	t.Cleanup(func() { unix.Close(f.start[0]) })
	return f
}

// release lets init go and returns what it answers, up to the end.
func (f *fifos) release(t *testing.T) string {
	t.Helper()
	for _, fd := range f.init { // init has its own
		unix.Close(fd)
	}
	_, err := unix.Write(f.start[0], []byte{0})
	systest.MustDo(t, err)
	answer := os.NewFile(uintptr(f.start[1]), "answer.fifo")
	defer answer.Close()
	systest.MustDo(t, answer.SetReadDeadline(time.Now().Add(10*time.Second)))
	said, err := io.ReadAll(answer)
	systest.MustDo(t, err)
	return string(said)
}

// TestWaitStart: nothing runs until someone writes to the fifo; then that is told, and
// the end is that of execve.
func TestWaitStart(t *testing.T) {
	f := makeFifos(t)
	p := startInit(t)
	steps := shell("echo ran; exec sleep 100")
	steps = append(steps[:2:2], &plan.WaitStart{}, steps[2])
	p.send(t, wire.Opening{Fifos: true}, steps, f.init...)
	p.ready(t)
	// It waits without the runtime.
	if _, err := p.conn.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("after ready: %v, want the end", err)
	}
	time.Sleep(50 * time.Millisecond)
	if comm, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.Process.Pid), "comm")); string(comm) != Created+"\n" {
		t.Errorf("it did not wait: is %q", comm)
	}
	if said := f.release(t); said != "\x00" {
		t.Errorf("init said %q", said)
	}
}

// TestFailureAfterStart: then the fifo carries the failure.
func TestFailureAfterStart(t *testing.T) {
	f := makeFifos(t)
	garbage := t.TempDir() + "/garbage"
	systest.MustDo(t, os.WriteFile(garbage, []byte("\x01\x02"), 0o755))
	p := startInit(t)
	p.send(t, wire.Opening{Fifos: true}, []plan.InitStep{
		&plan.FindExecutable{Name: garbage}, &plan.Sync{Phase: plan.Ready}, &plan.WaitStart{}, &plan.Execute{Args: []string{"x"}, Alone: true},
	}, f.init...)
	p.ready(t)
	said := f.release(t)
	if len(said) == 0 || said[0] != 0 {
		t.Fatalf("init said %q", said)
	}
	failure, err := wire.DecodeFailure([]byte(said[1:]))
	if err != nil || failure.Step != 3 || failure.Errno != unix.ENOEXEC || !failure.Whole || !failure.Refused {
		t.Errorf("%+v, %v", failure, err)
	}
	if code, text := p.wait(t); code != 255 || text != "exec "+garbage+": exec format error\n" {
		t.Errorf("exit code %d, standard error %q", code, text)
	}
}
