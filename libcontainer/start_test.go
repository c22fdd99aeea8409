package libcontainer

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

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
		"not let run":    {nil, false, "", "does not wait for start"},
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
			told := Going{state.Process{}, init, time.Second / 5, func() bool { return false }}
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
	init, err := state.Identify(cmd.Process.Pid)
	systest.MustDo(t, err)
	pidfd, err := unix.PidfdOpen(init.PID, 0)
	systest.MustDo(t, err)
	defer unix.Close(pidfd)
	asked := 0
	told := Going{init, pidfd, time.Millisecond, func() bool { asked++; return asked < 3 }}
	if said, err := told.Hear(fds[0], time.Now()); said || err == nil || asked != 3 {
		t.Errorf("%t, %v, asked %d times", said, err, asked)
	}
	_, err = in.Write([]byte("\n"))
	systest.MustDo(t, err)
	_, err = out.Read(make([]byte, 1))
	systest.MustDo(t, err)
	if said, err := told.Hear(fds[0], time.Now()); said || err != nil {
		t.Errorf("executes: %t, %v", said, err)
	}
}
