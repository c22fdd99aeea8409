package libcontainer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// A collection would close files that an earlier test has dropped, while a later
// one counts descriptors.
func init() { debug.SetGCPercent(-1) }

func TestPidFile(t *testing.T) {
	write := func(path string) error {
		var o outputs
		defer o.close()
		if err := o.open(path, "", ""); err != nil {
			return err
		}
		return o.writePidFile(4242)
	}
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	dir := t.TempDir()
	precious := dir + "/precious"
	systest.MustDo(t, os.WriteFile(precious, []byte("precious"), 0o600))
	for name, put := range map[string]func(path string) error{
		"nothing":             func(string) error { return nil },
		"an old one":          func(p string) error { return os.WriteFile(p, []byte("99999999\n"), 0o600) },
		"a hard link":         func(p string) error { return os.Link(precious, p) },
		"a file of that name": func(p string) error { return os.WriteFile(filepath.Dir(p)+"/.pid", []byte("1"), 0o600) },
		"a link of that name": func(p string) error { return os.Symlink(precious, filepath.Dir(p)+"/.pid") },
	} {
		d := t.TempDir()
		systest.MustDo(t, put(d+"/pid"))
		before, _ := os.ReadDir(d)
		if err := write(d + "/pid"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(d + "/pid"); err != nil || string(got) != "4242" {
			t.Errorf("%s: it holds %q, %v", name, got, err)
		}
		info, err := os.Lstat(d + "/pid")
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		after, _ := os.ReadDir(d)
		for _, e := range before {
			if !slices.ContainsFunc(after, func(a os.DirEntry) bool { return a.Name() == e.Name() }) {
				t.Errorf("%s: %s is gone", name, e.Name())
			}
		}
		if len(after) > len(before)+1 {
			t.Errorf("%s: %d files are there", name, len(after))
		}
	}
	systest.MustDo(t, os.Mkdir(dir+"/dir", 0o755))
	systest.MustDo(t, os.Symlink(precious, dir+"/link"))
	for _, path := range []string{dir + "/dir", dir + "/link", dir + "/missing/pid"} {
		if err := write(path); err == nil || !strings.HasPrefix(err.Error(), "--pid-file: ") {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if got, _ := os.ReadFile(precious); string(got) != "precious" {
		t.Errorf("a link was followed: %q", got)
	}
	if names, _ := os.ReadDir(dir); len(names) != 3 {
		t.Errorf("%d files are there, want 3", len(names))
	}
	systest.MustDo(t, write(""))
}

// TestDialEnds: whoever does not accept connections holds nobody up for ever.
func TestDialEnds(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	path := filepath.Join(t.TempDir(), "sock")
	systest.MustDo(t, unix.Bind(listener, &unix.SockaddrUnix{Name: path}))
	systest.MustDo(t, unix.Listen(listener, 0))
	goesOn := func() error { return nil }
	first, err := (&patience{time.Second, goesOn}).dial(path, unix.SOCK_STREAM)
	systest.MustDo(t, err)
	ended := errors.New("ended")
	if second, err := (&patience{time.Hour, func() error { return ended }}).dial(path, unix.SOCK_STREAM); !errors.Is(err, ended) {
		t.Errorf("got %d, %v; want %v", second, err, ended)
	}
	if second, err := (&patience{10 * time.Millisecond, goesOn}).dial(path, unix.SOCK_STREAM); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("got %d, %v; want an error: the queue is full", second, err)
	}
	unix.Close(first)
	unix.Close(listener)
	noneLeft()
}

func TestSendDescriptor(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	systest.MustDo(t, os.MkdirAll(long, 0o755))
	noneLeft := systest.Descriptors(t)
	for _, dir := range []string{t.TempDir(), long} {
		listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		systest.MustDo(t, err)
		at, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		systest.MustDo(t, unix.Bind(listener, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(at) + "/sock"}))
		systest.MustDo(t, unix.Listen(listener, 1))
		null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		systest.MustDo(t, sendDescriptor(dir+"/sock", "text", null))
		conn, _, err := unix.Accept(listener)
		systest.MustDo(t, err)
		buf, oob := make([]byte, 100), make([]byte, 100)
		n, oobn, _, _, err := unix.Recvmsg(conn, buf, oob, unix.MSG_CMSG_CLOEXEC)
		systest.MustDo(t, err)
		messages, err := unix.ParseSocketControlMessage(oob[:oobn])
		systest.MustDo(t, err)
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 || string(buf[:n]) != "text" {
			t.Errorf("got %q, descriptors %v, %v", buf[:n], fds, err)
		}
		for _, fd := range append(fds, conn, null, at, listener) {
			unix.Close(fd)
		}
	}
	if err := sendDescriptor("/no/such/socket", "text", 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that it does not exist", err)
	}
	noneLeft()
}

// sleeper is a process to look at.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "100")
	systest.MustDo(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// TestAlive: a pid alone proves nothing, and a zombie is dead.
func TestAlive(t *testing.T) {
	cmd := sleeper(t)
	real, err := identify(cmd.Process.Pid)
	systest.MustDo(t, err)
	check := func(what string, p state.Process, want bool) {
		t.Helper()
		noneLeft := systest.Descriptors(t)
		c := Container{journal: &state.State{Init: p}}
		if got, err := c.alive(); got != want || err != nil {
			t.Errorf("%s: alive %t, %v", what, got, err)
		}
		fd, err := c.pidfd()
		if want != (err == nil) || !want && !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: pidfd: %v", what, err)
		}
		if err == nil {
			unix.Close(fd)
		}
		noneLeft()
	}
	check("the process", real, true)
	check("its pid at another time", state.Process{PID: real.PID, Start: real.Start - 1}, false)
	check("no process", state.Process{}, false)
	check("a pid that can't be", state.Process{PID: 1 << 30, Start: 1}, false)
	systest.MustDo(t, cmd.Process.Kill())
	for range 200 {
		if data, _ := os.ReadFile("/proc/" + strconv.Itoa(real.PID) + "/stat"); strings.Contains(string(data), ") Z ") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	check("a zombie", real, false)
	cmd.Wait()
	check("a process that was", real, false)
}

// TestKillGone: a signal never reaches a process that only has the pid.
func TestKillGone(t *testing.T) {
	cmd := sleeper(t)
	real, err := identify(cmd.Process.Pid)
	systest.MustDo(t, err)
	c := Container{journal: &state.State{Init: state.Process{PID: real.PID, Start: real.Start + 1},
		Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}}}}
	for _, all := range []bool{false, true} {
		if err := c.Kill(unix.SIGKILL, all); all != (err == nil) || !all && !errors.Is(err, ErrNotRunning) {
			t.Errorf("all %t: %v", all, err)
		}
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
	if alive, _ := (&Container{journal: &state.State{Init: real}}).alive(); !alive {
		t.Error("somebody else's process was killed")
	}
	c.journal.Init = real
	systest.MustDo(t, c.end())
	if status, err := cmd.Process.Wait(); err != nil || status.String() != "signal: killed" {
		t.Errorf("%v, %v", status, err)
	}
}

// TestTakeBack: what init has not read is as if it had not been said.
func TestTakeBack(t *testing.T) {
	path := t.TempDir() + "/fifo"
	systest.MustDo(t, unix.Mkfifo(path, 0o600))
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte{0})
	systest.MustDo(t, err)
	if !takeBack(fd) || takeBack(fd) {
		t.Error("not taken back, or twice")
	}
}

// TestListen: start hears "I go" and the end, or a failure; and does not wait
// for a dead init, nor for one that talks without end, or is held.
func TestListen(t *testing.T) {
	failure := codec.Encode((&wire.Failure{Step: 3, Fault: fault.New(0, "why")}).Code)
	for name, c := range map[string]struct {
		write []byte
		dead  bool
		want  string
		bad   string // in the error
	}{
		"executed":       {[]byte{0}, false, "\x00", ""},
		"failed":         {append([]byte{0}, failure...), false, "\x00" + string(failure), ""},
		"died":           {nil, true, "", ""},
		"without an end": {make([]byte, 200<<10), false, "", "too long"},
		"not let run":    {nil, false, "", "does not wait for a start"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/fifo"
			systest.MustDo(t, unix.Mkfifo(path, 0o600))
			cmd := sleeper(t)
			init, err := unix.PidfdOpen(cmd.Process.Pid, 0)
			systest.MustDo(t, err)
			defer unix.Close(init)
			fifo, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
			systest.MustDo(t, err)
			defer unix.Close(fifo)
			go func() {
				time.Sleep(20 * time.Millisecond)
				if c.dead {
					cmd.Process.Kill()
				}
				if c.write == nil {
					return
				}
				if w, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
					w.Write(c.write)
					w.Close()
				}
			}()
			heard := 0
			told := going{state.Process{}, init, time.Second / 5, func() bool { return false }}
			said, err := told.listen(-1, fifo, func() { heard++ })
			if (err != nil) != (c.bad != "") || err != nil && !strings.Contains(err.Error(), c.bad) || err == nil && string(said) != c.want {
				t.Errorf("heard %d bytes, %v", len(said), err)
			}
			if spoke := len(c.write) > 0; spoke != (heard == 1) {
				t.Errorf("a first word: %v, told of %d", spoke, heard)
			}
		})
	}
}

// TestHear: an init that calls itself an init for ever, with an end that somebody keeps, is
// waited for as long as the configuration lets it take.
func TestHear(t *testing.T) {
	fds := make([]int, 2)
	systest.MustDo(t, unix.Pipe2(fds, unix.O_CLOEXEC))
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	cmd := exec.Command("sh", "-c", "printf %s crun-go:started >/proc/$$/comm && echo && read line && printf other >/proc/$$/comm && echo && read line")
	in, err := cmd.StdinPipe()
	systest.MustDo(t, err)
	out, err := cmd.StdoutPipe()
	systest.MustDo(t, err)
	systest.MustDo(t, cmd.Start())
	defer cmd.Wait()
	defer in.Close()
	_, err = out.Read(make([]byte, 1))
	systest.MustDo(t, err)
	init, err := identify(cmd.Process.Pid)
	systest.MustDo(t, err)
	pidfd, err := unix.PidfdOpen(init.PID, 0)
	systest.MustDo(t, err)
	defer unix.Close(pidfd)
	asked := 0
	told := going{init, pidfd, time.Millisecond, func() bool { asked++; return asked < 3 }}
	if said, err := told.hear(fds[0], time.Now()); said || err == nil || asked != 3 {
		t.Errorf("%t, %v, asked %d times", said, err, asked)
	}
	_, err = in.Write([]byte("\n"))
	systest.MustDo(t, err)
	_, err = out.Read(make([]byte, 1))
	systest.MustDo(t, err)
	if said, err := told.hear(fds[0], time.Now()); said || err != nil {
		t.Errorf("executes: %t, %v", said, err)
	}
}

// TestTakeTerminal: what is no master of a terminal, or has nobody to go to, does not stay.
func TestTakeTerminal(t *testing.T) {
	f := foreground{consoleSocket: "/no/such/socket"}
	for _, c := range []struct {
		path string
		how  int
		want string
	}{
		{"/dev/null", unix.O_RDWR, "the terminal's master: not the expected device: number is 1:3, expected 5:2"},
		{"/dev/ptmx", unix.O_RDWR, "--console-socket"},
		{"/dev/ptmx", unix.O_PATH, "the terminal's master: ioctl TIOCGPTN: bad file descriptor"},
	} {
		noneLeft := systest.Descriptors(t)
		fd, err := unix.Open(c.path, c.how|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		if err := f.takeTerminal(fd); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
		noneLeft()
	}
}

// TestNameCgroup: a cgroup that is there is not journaled before it is taken:
// a delete would kill what lives in it.
func TestNameCgroup(t *testing.T) {
	top := t.TempDir()
	systest.MustDo(t, os.Mkdir(top+"/taken", 0o755))
	for path, want := range map[string]string{"/taken": "", "/free": top + "/free"} {
		c := &creation{blueprint: &blueprint{hierarchy: cgroups.Hierarchy{Path: top},
			plan: &plan.Plan{Parent: []plan.Item{{Step: &plan.CreateCgroup{Path: path}}}}}}
		c.nameCgroup()
		if got := c.journal.Cgroup.Dir; got != want || len(c.journal.Cgroup.Made) != min(len(want), 1) {
			t.Errorf("%s: journaled %q, made %q", path, got, c.journal.Cgroup.Made)
		}
	}
}

func TestOffsets(t *testing.T) {
	got := offsets(map[string]specs.LinuxTimeOffset{"boottime": {Secs: -5, Nanosecs: 7}, "monotonic": {Secs: 9}})
	if want := "monotonic 9 0\nboottime -5 7\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := offsets(nil); got != nil {
		t.Errorf("got %q", got)
	}
}
