package sys

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// names returns what is in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	systest.MustDo(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestReplaceFile: whatever has the name is replaced and not written to, and
// nothing else is left.
func TestReplaceFile(t *testing.T) {
	for name, put := range map[string]func(path, victim string) error{
		"nothing": func(string, string) error { return nil },
		"file":    func(path, _ string) error { return os.WriteFile(path, []byte("old"), 0o600) },
		"link":    func(path, victim string) error { return os.Symlink(victim, path) },
		"hard":    func(path, victim string) error { return os.Link(victim, path) },
		"fifo":    func(path, _ string) error { return unix.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			defer systest.Descriptors(t)()
			top := t.TempDir()
			path, victim := filepath.Join(top, "dir", "f"), filepath.Join(top, "victim")
			systest.MustDo(t, os.Mkdir(filepath.Dir(path), 0o700))
			systest.MustDo(t, os.WriteFile(victim, []byte("precious"), 0o600))
			systest.MustDo(t, put(path, victim))
			dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			systest.MustDo(t, err)
			defer unix.Close(dir)
			if err := ReplaceFile(dir, "f", []byte("new"), 0o640, nil); err != nil {
				t.Fatal(err)
			}
			st, err := os.Lstat(path)
			systest.MustDo(t, err)
			if got, _ := os.ReadFile(path); string(got) != "new" || st.Mode() != 0o640 {
				t.Errorf("the file holds %q, mode %v", got, st.Mode())
			}
			if got, _ := os.ReadFile(victim); string(got) != "precious" {
				t.Errorf("the other file holds %q", got)
			}
			if got := names(t, filepath.Dir(path)); len(got) != 1 {
				t.Errorf("in the directory are %q", got)
			}
		})
	}
}

// TestReplaceFileFails: after a failure the old file is there, and nothing else.
func TestReplaceFileFails(t *testing.T) {
	top := t.TempDir()
	systest.MustDo(t, os.WriteFile(top+"/f", []byte("old"), 0o600))
	systest.MustDo(t, os.MkdirAll(top+"/d/full", 0o700))
	dir, err := unix.Open(top, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(dir)
	stop := errors.New("stop")
	if err := ReplaceFile(dir, "f", []byte("new"), 0o600, func(int) error { return stop }); err != stop {
		t.Errorf("got %v, want finish's error", err)
	}
	if err := ReplaceFile(dir, "d", []byte("new"), 0o600, nil); !errors.Is(err, unix.EISDIR) {
		t.Errorf("over a directory: %v", err)
	}
	if got, _ := os.ReadFile(top + "/f"); string(got) != "old" {
		t.Errorf("the file holds %q", got)
	}
	if got := names(t, top); len(got) != 2 {
		t.Errorf("in the directory are %q", got)
	}
}
