package libcontainer

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
)

// A process of this test that loses its first thread and lives on. Package
// initialization runs in that thread.
func init() {
	if os.Getenv("LIBCONTAINER_TEST_LEADER_EXITS") == "" {
		return
	}
	runtime.LockOSThread()
	begun := make(chan bool)
	go func() {
		runtime.LockOSThread()
		begun <- true
		for { // in the kernel, so as to need nothing of Go's
			unix.Pause()
		}
	}()
	<-begun
	unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

func TestAliveWithoutItsFirstThread(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"LIBCONTAINER_TEST_LEADER_EXITS=1"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	until := func(what string, ok func(proc.Stat) bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			st, err := state.ReadStat(cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			if ok(st) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, st)
			}
		}
	}
	until("the first thread ends", func(st proc.Stat) bool { return st.State == 'Z' && st.Threads > 1 })
	id, err := state.Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	c := Of(resource.Of(nil, &state.State{Init: id}))
	if alive, err := c.Journal.Init.Alive(); !alive || err != nil {
		t.Errorf("a process without its first thread: alive = %v, %v", alive, err)
	}
	if err := c.Kill(unix.SIGKILL, true); err != nil { // no cgroup: init alone
		t.Errorf("kill: %v", err)
	}
	until("all threads end", func(st proc.Stat) bool { return st.State == 'Z' && st.Threads == 1 })
	if alive, err := c.Journal.Init.Alive(); alive || err != nil {
		t.Errorf("a zombie: alive = %v, %v", alive, err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
	if alive, err := c.Journal.Init.Alive(); alive || err != nil {
		t.Errorf("gone: alive = %v, %v", alive, err)
	}
	c.Journal.Init = state.Process{PID: os.Getpid(), Start: 1}
	if alive, err := c.Journal.Init.Alive(); alive || err != nil {
		t.Errorf("somebody else: alive = %v, %v", alive, err)
	}
}

// Only who has the directory open is killed, with its children.
func TestEndHolder(t *testing.T) {
	dir, err := state.Create(t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	start := func(files ...*os.File) (*exec.Cmd, int) {
		t.Helper()
		// A shell with a child in a group of its own, as a hook is. In a session of
		// its own, too: the shell would take this one's terminal.
		cmd := exec.Command("sh", "-c", `set -m; sleep 1000 & echo $!; wait`)
		cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
		cmd.ExtraFiles = files
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		line := make([]byte, 16)
		n, err := out.Read(line)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		child := 0
		for _, c := range strings.TrimSpace(string(line[:n])) {
			child = 10*child + int(c-'0')
		}
		t.Cleanup(func() { unix.Kill(child, unix.SIGKILL) })
		return cmd, child
	}
	running := func(pid int) bool {
		st, err := state.ReadStat(pid)
		return err == nil && st.State != 0 && st.State != 'Z'
	}

	stranger, child := start()
	if err := endHolder(dir, stranger.Process.Pid); err != nil {
		t.Error(err)
	}
	if !running(stranger.Process.Pid) || !running(child) {
		t.Error("a stranger was killed")
	}

	dup, err := unix.FcntlInt(uintptr(dir.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(dup), "dir")
	defer file.Close()
	holder, child := start(file)
	if err := endHolder(dir, holder.Process.Pid); err != nil {
		t.Error(err)
	}
	if running(holder.Process.Pid) {
		t.Error("the holder runs")
	}
	for end := time.Now().Add(10 * time.Second); running(child); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its child runs")
		}
	}
	if err := endHolder(dir, os.Getpid()); err == nil {
		t.Error("this process, which holds it: no error")
	}
	if err := endHolder(dir, 1<<30); err != nil {
		t.Errorf("no such process: %v", err)
	}
}
