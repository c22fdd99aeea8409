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
	"github.com/crun-go/crun-go/libcontainer/spawn"
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
		c := &creation{init: &spawn.Process{Pid: 4242}}
		defer c.outputs.close()
		if err := c.outputs.open(path, "", ""); err != nil {
			return err
		}
		return c.writePidFile()
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
	first, err := dial(path, unix.SOCK_STREAM, time.Second)
	systest.MustDo(t, err)
	if second, err := dial(path, unix.SOCK_STREAM, 10*time.Millisecond); !errors.Is(err, unix.EAGAIN) {
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
	failure := encoded(3, fault.New(0, "why"))
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

// TestAwait: what init says is taken strictly, and descriptors that come with
// it do not stay.
func TestAwait(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(master)
	path, err := unix.Open("/dev/ptmx", unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(path)
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
		"no terminal":        {wire.Terminal, nil, []int{null}, "the terminal's master: not the expected device: number is 1:3, expected 5:2"},
		"nobody to tell":     {wire.Terminal, nil, []int{master}, "--console-socket"},
		"a closed terminal":  {wire.Terminal, nil, []int{path}, "the terminal's master: ioctl TIOCGPTN: bad file descriptor"},
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
			cr := &creation{blueprint: &blueprint{plan: &plan.Plan{Init: steps}}, opts: &Options{ConsoleSocket: "/no/such/socket"}, terminal: true,
				init: &spawn.Process{Pid: -1, PidFD: -1, Conn: parent}}
			systest.MustDo(t, child.Send(c.kind, c.payload, c.fds...))
			err = cr.await(plan.Mounted)
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
			path := t.TempDir() + "/console"
			engine, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			systest.MustDo(t, err)
			defer unix.Close(engine)
			systest.MustDo(t, unix.Bind(engine, &unix.SockaddrUnix{Name: path}))
			systest.MustDo(t, unix.Listen(engine, 4))
			master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
			systest.MustDo(t, err)
			defer unix.Close(master)
			cr := &creation{blueprint: &blueprint{plan: &plan.Plan{Init: c.plan}}, opts: &Options{ConsoleSocket: path},
				init: &spawn.Process{Pid: -1, PidFD: -1, Conn: parent}}
			systest.MustDo(t, cr.send(wire.Opening{}))
			for range 3 {
				systest.MustDo(t, child.Send(wire.Terminal, nil, master))
			}
			if err := cr.await(plan.Mounted); err == nil || !strings.Contains(err.Error(), "unexpected message") {
				t.Errorf("error %v", err)
			}
			systest.MustDo(t, unix.SetNonblock(engine, true))
			got := 0
			for {
				fd, _, err := unix.Accept(engine)
				if err != nil {
					break
				}
				unix.Close(fd)
				got++
			}
			if got != c.want {
				t.Errorf("the engine got %d, want %d", got, c.want)
			}
			cr.endProgress()
		})
	}
}

func TestCheckListener(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	named, err := unix.MemfdCreate("anon_inode:seccomp notify", unix.MFD_CLOEXEC)
	systest.MustDo(t, err)
	defer unix.Close(named)
	for _, fds := range [][]int{nil, {null}, {named}, {null, null}} {
		if checkListener(fds) == nil {
			t.Errorf("%d were taken for a listener", fds)
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
			cr := &creation{blueprint: &blueprint{plan: new(plan.Plan)}, init: &spawn.Process{Pid: pid, PidFD: pidfd, Conn: parent},
				progress: wire.NewProgress()}
			// Only an end is a reason to look.
			if err := cr.lost(unix.EMFILE); err != unix.EMFILE || cr.init == nil {
				t.Fatalf("error %v", err)
			}
			if err := cr.lost(unix.EPIPE); err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if cr.init != nil {
				t.Error("undo would kill whoever has the pid now")
			}
			if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != unix.ECHILD {
				t.Errorf("it was not reaped: %v", err)
			}
			noneLeft()
		})
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

// encoded is a failure as init sends it.
func encoded(step int, f *fault.Fault) []byte {
	return codec.Encode((&wire.Failure{Step: step, Fault: f}).Code)
}
