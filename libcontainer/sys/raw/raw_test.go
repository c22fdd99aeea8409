package raw_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]unix.Errno{
		dir:                                  0,
		dir + "/missing":                     unix.ENOENT,
		dir + "\x00/x":                       unix.EINVAL, // not dir
		"/" + strings.Repeat("./", 2047):     0,
		"/" + strings.Repeat("./", 2048):     unix.ENAMETOOLONG,
		dir + "/" + strings.Repeat("a", 256): unix.ENAMETOOLONG,
	} {
		fd, errno := raw.Open(unix.AT_FDCWD, path, unix.O_PATH, 0)
		if errno != want || (fd >= 0) != (want == 0) {
			t.Errorf("%.40q…: %d, %v, want %v", path, fd, errno, want)
		}
		if fd >= 0 {
			raw.Close(fd)
		}
	}
}

// TestNoAllocation: what is made of strings is on the stack.
func TestNoAllocation(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	at, name := int(dir.Fd()), "name"
	if n := testing.AllocsPerRun(10, func() {
		var text raw.Text
		text.Add(name).AddInt(-17).AddOctal(0o755)
		fd, _ := raw.Open(at, text.String(), unix.O_RDWR|unix.O_CREAT, 0o600)
		var st unix.Statx_t
		raw.Stat(fd, unix.STATX_TYPE, &st)
		raw.WriteString(fd, name)
		raw.Close(fd)
		raw.Mkdir(at, name, 0o700)
		raw.FsconfigString(-1, name, text.String())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if _, err := os.Stat(dir.Name() + "/name-17755"); err != nil {
		t.Error(err)
	}
}

func TestTextCut(t *testing.T) {
	var text raw.Text
	for range 4096 / 16 {
		text.Add("sixteen bytes...")
	}
	if text.Cut || text.Len() != 4096 {
		t.Errorf("cut after %d bytes", text.Len())
	}
	if text.Add("x"); !text.Cut {
		t.Error("not cut")
	}
	if text.Truncate(3); text.Cut || text.String() != "six" {
		t.Errorf("%q", text.String())
	}
}

// TestStackGrows: where a goroutine's stack grows on the way to a call, and so moves,
// the kernel writes to where it is then.
func TestStackGrows(t *testing.T) {
	for depth := range 1000 {
		lost := make(chan bool)
		go func() { lost <- deep(depth) }()
		if <-lost {
			t.Fatalf("%d calls deep what the kernel wrote is lost", depth)
		}
	}
}

//go:noinline
func deep(n int) (lost bool) {
	if n > 0 {
		return deep(n - 1)
	}
	ends := [2]int32{-1, -1}
	raw.Pipe(&ends, unix.O_CLOEXEC)
	lost = ends[0] < 0 || ends[1] < 0
	raw.Close(int(ends[0]))
	raw.Close(int(ends[1]))
	return lost
}
