package sys

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestProcOf: what shows a pid namespace is a procfs, and what is none shows nothing.
func TestProcOf(t *testing.T) {
	pid, err := os.Open("/proc/self/ns/pid")
	systest.MustDo(t, err)
	defer pid.Close()
	net, err := os.Open("/proc/self/ns/net")
	systest.MustDo(t, err)
	defer net.Close()
	if ShowsPID(int(net.Fd())) {
		t.Error("a network namespace is shown")
	}
	if !ShowsPID(int(pid.Fd())) {
		t.Skip("a procfs shows its maker's pid namespace only")
	}
	mount, err := ProcOf(int(pid.Fd()), "proc", []string{"hidepid=2"})
	systest.MustDo(t, err)
	defer unix.Close(mount)
	if err := IsProc(mount); err != nil {
		t.Error(err)
	}
}
