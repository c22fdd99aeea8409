package sys

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	open := func(name string) int {
		t.Helper()
		fd, err := unix.Open(dir+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(dir+"/"+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(dir+"/a", dir+"/c"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", dir+"/d"); err != nil {
		t.Fatal(err)
	}
	a := open("a")
	for name, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if same, err := SameDescriptors(a, open(name)); err != nil || same != want {
			t.Errorf("a and %s: %v, %v", name, same, err)
		}
		if same, err := DescriptorIsOf(a, dir+"/"+name); err != nil || same != want {
			t.Errorf("a and the path %s: %v, %v", name, same, err)
		}
	}
	if _, err := SameDescriptors(a, -1); err == nil {
		t.Error("no descriptor")
	}
	if _, err := DescriptorIsOf(a, dir+"/none"); err == nil {
		t.Error("no path")
	}
}
