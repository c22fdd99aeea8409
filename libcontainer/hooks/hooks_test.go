package hooks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// shell makes a hook of a script.
func shell(script string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}}
}

// runner is how hooks are run.
type runner func(kind string, list []specs.Hook, state []byte, dir string, env Env) error

// each runs a test with hooks that the runtime runs, that init runs, and that init runs
// which has no runtime of Go's.
func each(t *testing.T, test func(t *testing.T, run runner)) {
	t.Run("outside", func(t *testing.T) { test(t, Run) })
	t.Run("inside", func(t *testing.T) { test(t, inside) })
	t.Run("bare", func(t *testing.T) {
		if systest.Bare(t) {
			test(t, inside)
		}
	})
}

func inside(kind string, list []specs.Hook, state []byte, dir string, env Env) error {
	// In three parts of any size.
	half := len(state) / 2
	in := Inside{Kind: kind, State: [3]string{string(state[:half]), "", string(state[half:])}}
	if dir != "" {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		in.Dir = fd
	}
	for i := range list {
		program, err := newProgram(list[i].Path, arguments(&list[i]), environment(&list[i], env))
		if err != nil {
			return err
		}
		if err := in.Run(i, list[i].Path, program, timeout(&list[i])); err != nil {
			return &Error{Kind: kind, Index: fault.Of(err).Entry - 1, Err: err}
		}
	}
	return nil
}

func noChildren(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: wait4 says %d, %v", pid, err)
	}
}

func TestOrder(t *testing.T) { each(t, checkOrder) }

func checkOrder(t *testing.T, run runner) {
	out := t.TempDir() + "/out"
	list := []specs.Hook{
		shell("echo 0 >>" + out), shell("echo 1 >>" + out), shell("echo 2 >>" + out + "; exit 3"), shell("echo 3 >>" + out),
	}
	noneLeft := systest.Descriptors(t)
	err := run("prestart", list, []byte("{}"), "", Env{"PATH=/bin:/usr/bin"})
	var failed *Error
	if !errors.As(err, &failed) || failed.Kind != "prestart" || failed.Index != 2 {
		t.Errorf("error %#v", err)
	}
	if got, _ := os.ReadFile(out); string(got) != "0\n1\n2\n" {
		t.Errorf("ran %q", got)
	}
	noChildren(t)
	noneLeft()
}

func TestErrors(t *testing.T) { each(t, checkErrors) }

func checkErrors(t *testing.T, run runner) {
	for name, c := range map[string]struct {
		hook specs.Hook
		want string
	}{
		"exit code":  {shell("echo out; echo err >&2; exit 7"), "error running poststop hook #0: /bin/sh: exit status 7, stdout: out, stderr: err"},
		"signal":     {shell("kill -TERM $$"), "error running poststop hook #0: /bin/sh: signal: terminated, stdout: , stderr: "},
		"missing":    {specs.Hook{Path: "/no/such/hook"}, "error running poststop hook #0: fork/exec /no/such/hook: no such file or directory"},
		"no program": {specs.Hook{Path: "/"}, "error running poststop hook #0: fork/exec /: permission denied"},
	} {
		err := run("poststop", []specs.Hook{c.hook}, []byte("{}"), "", nil)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error %q, want %q", name, err, c.want)
		}
	}
	if err := run("poststop", []specs.Hook{{Path: "/no/such/hook"}}, nil, "", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that it does not exist", err)
	}
	noChildren(t)
}

// TestArguments: args is the whole argv; without it, it is the path.
func TestArguments(t *testing.T) { each(t, checkArguments) }

func checkArguments(t *testing.T, run runner) {
	out := t.TempDir() + "/out"
	script := t.TempDir() + "/script"
	systest.MustDo(t, os.WriteFile(script, []byte("#!/bin/sh\necho \"$0 $*\" >"+out+"\n"), 0o755))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, script + " \n"},
		{[]string{"zero", "one", "two"}, script + " one two\n"}, // a script's argument zero is its path
	} {
		systest.MustDo(t, run("prestart", []specs.Hook{{Path: script, Args: c.args}}, []byte("{}"), "", nil))
		if got, _ := os.ReadFile(out); string(got) != c.want {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) { each(t, checkEnvironment) }

func checkEnvironment(t *testing.T, run runner) {
	t.Setenv("OF_THE_CALLER", "1")
	dir := t.TempDir()
	out := dir + "/out"
	env := specs.Hook{Path: "/usr/bin/env", Args: []string{"env"}}
	if _, err := os.Stat(env.Path); err != nil {
		t.Skipf("this host has no env: %v", err)
	}
	for name, c := range map[string]struct {
		own  []string
		def  Env
		want string
	}{
		"its own":        {[]string{"A=1", "B=2"}, Env{"C=3"}, "A=1\nB=2\n"},
		"its own, empty": {[]string{}, Env{"C=3"}, ""},
		"the default":    {nil, Env{"C=3"}, "C=3\n"},
		"no default":     {nil, nil, ""},
	} {
		h := env
		h.Env = c.own
		// Its standard output shows in the error of one that fails.
		h.Path, h.Args = "/bin/sh", []string{"sh", "-c", "exec /usr/bin/env >" + out}
		systest.MustDo(t, run("prestart", []specs.Hook{h}, []byte("{}"), "", c.def))
		got, _ := os.ReadFile(out)
		var kept strings.Builder
		for line := range strings.Lines(string(got)) {
			if !strings.HasPrefix(line, "PWD=") && !strings.HasPrefix(line, "SHLVL=") && !strings.HasPrefix(line, "_=") {
				kept.WriteString(line) // without what the shell adds
			}
		}
		if kept.String() != c.want {
			t.Errorf("%s: environment %q, want %q", name, kept.String(), c.want)
		}
	}
}

func TestDirectory(t *testing.T) { each(t, checkDirectory) }

func checkDirectory(t *testing.T, run runner) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	systest.MustDo(t, err)
	here, err := os.Getwd()
	systest.MustDo(t, err)
	for _, c := range []struct{ dir, want string }{{dir, dir}, {"", here}} {
		out := dir + "/out"
		systest.MustDo(t, run("prestart", []specs.Hook{shell("pwd -P >" + out)}, []byte("{}"), c.dir, nil))
		if got, _ := os.ReadFile(out); string(got) != c.want+"\n" {
			t.Errorf("ran in %q, want %q", got, c.want)
		}
	}
}

// TestState: the whole document comes through standard input, then its end.
func TestState(t *testing.T) { each(t, checkState) }

func checkState(t *testing.T, run runner) {
	for _, size := range []int{10, 65536, 3 << 20} {
		out := t.TempDir() + "/out"
		state := plan.AppendState(nil, &specs.State{Version: "1.3.0", ID: "c1", Status: specs.StateCreating, Pid: 42, Bundle: "/b",
			Annotations: map[string]string{"long": strings.Repeat("x", size)}})
		systest.MustDo(t, run("prestart", []specs.Hook{shell("cat >" + out)}, state, "", Env{"PATH=/bin:/usr/bin"}))
		if got, _ := os.ReadFile(out); string(got) != string(state) {
			t.Errorf("%d bytes of state, the hook read %d", len(state), len(got))
		}
	}
}

// TestUnread: a hook need not read its state, however long.
func TestUnread(t *testing.T) { each(t, checkUnread) }

func checkUnread(t *testing.T, run runner) {
	state := []byte(strings.Repeat("x", 1<<20))
	for _, script := range []string{"exit 0", "exec <&-; exit 0", "head -c 10 >/dev/null"} {
		if err := run("prestart", []specs.Hook{shell(script)}, state, "", Env{"PATH=/bin:/usr/bin"}); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// TestOutput: all is read, or the hook would block, and the beginning and the end are told
// of what is more than a message may have.
func TestOutput(t *testing.T) { each(t, checkOutput) }

func checkOutput(t *testing.T, run runner) {
	const begin = "error running prestart hook #0: /bin/sh: exit status 1, stdout: "
	for script, want := range map[string]struct{ out, err, least int }{
		"printf B; head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo E >&2": {3000001, 3000001, 1600},
		"printf B; head -c 3000000 /dev/zero; printf E >&2":                              {3000001, 1, 1600},
		"printf B; head -c 3000 /dev/zero >&2; printf 'E\n\n\n' >&2":                     {1, 3001, 1600},
		"printf B; head -c 800 /dev/zero; head -c 800 /dev/zero >&2; echo E >&2":         {801, 801, 1602},
		"printf B; head -c 1698 /dev/zero; printf E >&2":                                 {1699, 1, 1700},
		"printf B; for i in $(seq 5000); do printf 12345678; done; printf E >&2":         {40001, 1, 1600},
		// What is left in the pipe when the hook has gone still counts.
		"printf B; head -c 12000 /dev/zero | tr '\\0' y; printf E >&2": {12001, 1, 1600},
		// Of what is told, hardly anything is left without the line ends.
		"printf B; head -c 5000 /dev/zero | tr '\\0' '\\n'; printf E >&2": {5001 - (keep - 1), 1, 30},
	} {
		err := run("prestart", []specs.Hook{shell(script + "; exit 1")}, []byte("{}"), "", Env{"PATH=/bin:/usr/bin"})
		if err == nil {
			t.Fatalf("%s: no error", script)
		}
		text, ok := strings.CutPrefix(err.Error(), begin)
		stdout, stderr, found := strings.Cut(text, ", stderr: ")
		if !ok || !found || stdout[0] != 'B' || stderr[len(stderr)-1] != 'E' || len(stdout)+len(stderr) > keep || len(stdout)+len(stderr) < want.least {
			t.Errorf("%s: an error of %d bytes: %.120q…", script, len(text), text)
		}
		if out, err := printed(t, stdout), printed(t, stderr); out != want.out || err != want.err {
			t.Errorf("%s: tells %d and %d bytes, want %d and %d", script, out, err, want.out, want.err)
		}
	}
}

// printed is how many bytes an output has had.
func printed(t *testing.T, told string) int {
	begin, after, cut := strings.Cut(told, " [... ")
	if !cut {
		return len(told)
	}
	number, end, _ := strings.Cut(after, " bytes left out ...] ")
	n, err := strconv.Atoi(number)
	systest.MustDo(t, err)
	return len(begin) + n + len(end)
}

func timed(h specs.Hook, seconds int) specs.Hook {
	h.Timeout = &seconds
	return h
}

// TestTimeout: the hook's whole process group goes.
func TestTimeout(t *testing.T) { each(t, checkTimeout) }

func checkTimeout(t *testing.T, run runner) {
	pids := t.TempDir() + "/pids"
	h := timed(shell("echo $$ >"+pids+"; sleep 100 & echo $! >>"+pids+"; sleep 100"), 1)
	begin := time.Now()
	err := run("prestart", []specs.Hook{h}, []byte("{}"), "", Env{"PATH=/bin:/usr/bin"})
	if took := time.Since(begin); took < time.Second || took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if want := "error running prestart hook #0: /bin/sh: hook ran past specified timeout of 1.0s"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	data, err := os.ReadFile(pids)
	systest.MustDo(t, err)
	for _, word := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(word)
		systest.MustDo(t, err)
		if !gone(pid) {
			t.Errorf("process %d survived", pid)
			unix.Kill(pid, unix.SIGKILL)
		}
	}
	noChildren(t)
	// One in time is none.
	systest.MustDo(t, run("prestart", []specs.Hook{timed(shell("exit 0"), 100)}, []byte("{}"), "", nil))
}

// gone waits until a process is dead: reaping it may be somebody else's.
func gone(pid int) bool {
	for range 100 {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(data), ") Z ") {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// TestLeftBehind: a child of the hook that keeps its output open is not waited
// for, nor is one that goes on writing.
func TestLeftBehind(t *testing.T) { each(t, checkLeftBehind) }

func checkLeftBehind(t *testing.T, run runner) {
	for _, script := range []string{"sleep 3 &", "yes & echo $! >$PIDS"} {
		pids := t.TempDir() + "/pid"
		begin := time.Now()
		err := run("prestart", []specs.Hook{shell(script)}, []byte("{}"), "", Env{"PATH=/bin:/usr/bin", "PIDS=" + pids})
		if took := time.Since(begin); err != nil || took > 2*time.Second {
			t.Errorf("%s: %v after %v", script, err, took)
		}
		if data, err := os.ReadFile(pids); err == nil {
			pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
			if !gone(pid) { // of SIGPIPE
				unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
}

// TestGroup: a hook is the leader of a group of its own, so that what ends it
// does not end the runtime, and has no descriptors but three.
func TestGroup(t *testing.T) { each(t, checkGroup) }

func checkGroup(t *testing.T, run runner) {
	// What the caller has left open is none of the hook's, which create sees to for all.
	systest.MustDo(t, unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC))
	out := t.TempDir() + "/out"
	leak, err := os.Open("/dev/null")
	systest.MustDo(t, err)
	defer leak.Close()
	script := "cat /proc/self/stat >$OUT; for n in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && echo $n >>$OUT; done; exit 0"
	systest.MustDo(t, run("prestart", []specs.Hook{shell(script)}, []byte("{}"), "", Env{"PATH=/bin:/usr/bin", "OUT=" + out}))
	data, err := os.ReadFile(out)
	systest.MustDo(t, err)
	stat, fds, _ := strings.Cut(string(data), "\n")
	if fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]); fields[2] == strconv.Itoa(unix.Getpgrp()) {
		t.Errorf("its group is the runtime's: %s", stat)
	}
	if fds != "" {
		t.Errorf("it has descriptors %q", fds)
	}
}

// TestConfined: a hook is under more than who runs it, or is none.
func TestConfined(t *testing.T) {
	t.Run("inside", checkConfined)
	t.Run("bare", func(t *testing.T) {
		if systest.Bare(t) {
			checkConfined(t)
		}
	})
}

func checkConfined(t *testing.T) {
	runtime.LockOSThread() // and with it comes to its end
	limit := func(soft, hard uint64) []sys.Limit {
		return []sys.Limit{{Name: "RLIMIT_NOFILE", Resource: unix.RLIMIT_NOFILE, Limit: unix.Rlimit{Cur: soft, Max: hard}}}
	}
	// It lets all through.
	filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000}}
	systest.MustDo(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	for name, c := range map[string]struct {
		under  sys.Confinement
		path   string
		script string
		want   string
	}{
		"under":     {sys.Confinement{Limits: limit(77, 99), Filter: filter}, "/bin/sh", `[ "$(ulimit -n)" = 77 ] && grep -q '^Seccomp:.*2' /proc/self/status`, ""},
		"bad limit": {sys.Confinement{Limits: limit(99, 77)}, "/bin/sh", "", "error running k hook #4: fork/exec /bin/sh: error setting rlimit RLIMIT_NOFILE: invalid argument"},
		"bad filter": {sys.Confinement{Filter: []unix.SockFilter{{Code: 0xffff}}}, "/bin/sh", "",
			"error running k hook #4: fork/exec /bin/sh: seccomp: invalid argument"},
		"missing": {sys.Confinement{Limits: limit(77, 99), Filter: filter}, "/no/such", "", "error running k hook #4: fork/exec /no/such: no such file or directory"},
	} {
		program, err := newProgram(c.path, []string{"sh", "-c", c.script}, []string{"PATH=/bin:/usr/bin"})
		systest.MustDo(t, err)
		in := Inside{Kind: "k", Under: c.under}
		err = in.Run(4, c.path, program, 0)
		if got := fmt.Sprint(err); got != c.want && (c.want != "" || err != nil) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (fault.Of(err).Entry != 5 || !fault.Of(err).Whole) {
			t.Errorf("%s: entry %d", name, fault.Of(err).Entry)
		}
	}
	noChildren(t)
}

// TestNoAllocation: what init runs takes no memory.
func TestNoAllocation(t *testing.T) {
	program, err := newProgram("/bin/sh", []string{"sh", "-c", "read line; echo $line"}, nil)
	systest.MustDo(t, err)
	in := Inside{Kind: "startContainer", State: [3]string{"before", "4711", "after"}}
	failed := errors.New("did not run")
	if n := testing.AllocsPerRun(10, func() { failed = in.Run(0, "/bin/sh", program, 10) }); n != 0 || failed != nil {
		t.Errorf("%v allocations, error %v", n, failed)
	}
}

// newProgram prepares to execute path.
func newProgram(path string, args, env []string) (*sys.Program, error) {
	file, err := unix.BytePtrFromString(path)
	if err != nil {
		return nil, err
	}
	argv, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return nil, err
	}
	envv, err := syscall.SlicePtrFromStrings(env)
	program := sys.ProgramOf(file, argv, envv)
	return &program, err
}
