package exec

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// TestHasSaid: what ends the wait for a process to execute is the end of the
// socket, a word, the end of the process whoever has a copy of its socket, or the
// time.
func TestHasSaid(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		do      func(child wire.Conn)
		timeout time.Duration
		said    bool
		fails   bool
	}{
		"executes": {"sleep", func(child wire.Conn) { child.Close() }, 0, true, false},
		"a word":   {"sleep", func(child wire.Conn) { child.Send(wire.Failed, nil) }, 0, true, false},
		"ends":     {"true", func(wire.Conn) {}, 0, false, false},
		"time":     {"sleep", func(wire.Conn) {}, time.Millisecond, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			parent, child, err := wire.Pair()
			systest.MustDo(t, err)
			defer parent.Close()
			defer child.Close()
			cmd := exec.Command(c.program, "100")
			systest.MustDo(t, cmd.Start())
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
			systest.MustDo(t, err)
			defer unix.Close(pidfd)
			e := &process{asked: &Options{Timeout: c.timeout}, ending: ending{releasedAt: time.Now()}}
			e.init.Process = &spawn.Process{Pid: cmd.Process.Pid, PidFD: pidfd, Conn: parent}
			c.do(child)
			if said, err := e.hasSaid(); said != c.said || (err != nil) != c.fails {
				t.Errorf("%t, %v", said, err)
			}
		})
	}
}
