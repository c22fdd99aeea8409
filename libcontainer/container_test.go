package libcontainer

import (
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// A collection would close files that an earlier test has dropped, while a later
// one counts descriptors.
func init() { debug.SetGCPercent(-1) }

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
	real, err := state.Identify(cmd.Process.Pid)
	systest.MustDo(t, err)
	check := func(what string, p state.Process, want bool) {
		t.Helper()
		noneLeft := systest.Descriptors(t)
		c := Of(resource.Of(nil, &state.State{Init: p}))
		if got, err := c.Journal.Init.Alive(); got != want || err != nil {
			t.Errorf("%s: alive %t, %v", what, got, err)
		}
		fd, err := c.Journal.Init.Pidfd()
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
	real, err := state.Identify(cmd.Process.Pid)
	systest.MustDo(t, err)
	c := Of(resource.Of(nil, &state.State{Init: state.Process{PID: real.PID, Start: real.Start + 1},
		Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}}}))
	for _, all := range []bool{false, true} {
		if err := c.Kill(unix.SIGKILL, all); all != (err == nil) || !all && !errors.Is(err, ErrNotRunning) {
			t.Errorf("all %t: %v", all, err)
		}
	}
	if err := (members{c.Journal}).end(); err != nil {
		t.Error(err)
	}
	if alive, _ := real.Alive(); !alive {
		t.Error("somebody else's process was killed")
	}
	c.Journal.Init = real
	systest.MustDo(t, members{c.Journal}.end())
	if status, err := cmd.Process.Wait(); err != nil || status.String() != "signal: killed" {
		t.Errorf("%v, %v", status, err)
	}
}
