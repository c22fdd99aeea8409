package checkpoint

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestStreamKey looks at the streams of a process.
func TestStreamKey(t *testing.T) {
	t.Cleanup(systest.Descriptors(t))
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	systest.MustDo(t, err)
	defer file.Close()
	cmd := exec.Command("sleep", "1000")
	stdin, err := cmd.StdinPipe()
	systest.MustDo(t, err)
	cmd.Stdout = file
	systest.MustDo(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	defer stdin.Close()
	process, err := sys.HostProcess(cmd.Process.Pid)
	systest.MustDo(t, err)
	defer process.Close()
	mounts, err := mountsOf(process)
	systest.MustDo(t, err)

	look := func(fd int, mounts []proc.Mount) (string, bool) {
		t.Helper()
		key, external, err := streamKey(process, fd, mounts)
		if err != nil {
			t.Errorf("stream %d: %v", fd, err)
		}
		return key, external
	}
	if key, external := look(0, mounts); !strings.HasPrefix(key, "pipe:[") || external {
		t.Errorf("a pipe: %q %v", key, external)
	}
	if key, external := look(1, mounts); key != "" || external {
		t.Errorf("a file of its own: %q %v", key, external)
	}
	if key, external := look(1, nil); !strings.HasPrefix(key, "file[") || !external {
		t.Errorf("a file from outside: %q %v", key, external)
	}
	if key, external := look(2, mounts); key != "" || external {
		t.Errorf("/dev/null of its own: %q %v", key, external)
	}
	if key, external := look(77, mounts); key != "" || external {
		t.Errorf("nothing: %q %v", key, external)
	}
}

// TestStreamKeyRedirected: what a shell has for its output while it runs a
// command of its own is not its output.
func TestStreamKeyRedirected(t *testing.T) {
	read, write, err := os.Pipe()
	systest.MustDo(t, err)
	defer read.Close()
	dir := t.TempDir()
	// For a moment every 20 ms its output is the pipe; the file most of the time.
	cmd := exec.Command("sh", "-c", `while :; do { sleep 0.02; } >"$0/file"; sleep 0.001; done`, dir)
	cmd.Stdout = write
	systest.MustDo(t, cmd.Start())
	write.Close()
	defer cmd.Wait()
	defer cmd.Process.Kill()
	process, err := sys.HostProcess(cmd.Process.Pid)
	systest.MustDo(t, err)
	defer process.Close()
	mounts, err := mountsOf(process)
	systest.MustDo(t, err)
	// Under load the moment may be missed once, not ten times.
	for range 10 {
		key, _, err := streamKey(process, 1, mounts)
		systest.MustDo(t, err)
		if strings.HasPrefix(key, "pipe:[") {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the shell's own output was not found")
}
