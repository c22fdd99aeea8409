package sys

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestOutputRefuses: what is neither new nor a regular file nor a descriptor of
// the caller's is refused before anything is written, and stays as it is.
func TestOutputRefuses(t *testing.T) {
	top := t.TempDir()
	systest.MustDo(t, os.WriteFile(top+"/file", []byte("precious"), 0o600))
	systest.MustDo(t, os.Symlink("file", top+"/link"))
	systest.MustDo(t, unix.Mkfifo(top+"/fifo", 0o600))
	systest.MustDo(t, os.Mkdir(top+"/dir", 0o700))
	for path, want := range map[string]string{
		top + "/link":        "expected a regular file or none, found a symbolic link",
		top + "/fifo":        "expected a regular file or none, found a fifo",
		top + "/dir":         "expected a regular file or none, found a directory",
		top + "/dir/":        "is a directory",
		top + "/missing/new": "no such file or directory",
		top + "/file/new":    "not a directory",
		"/dev/null":          "expected a regular file or none, found a character device",
		"/dev/fd/999":        "bad file descriptor",
	} {
		o, err := OpenOutput(path)
		o.Close()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
	if got, _ := os.ReadFile(top + "/file"); string(got) != "precious" {
		t.Errorf("the file holds %q", got)
	}
}

// TestOutputStreams: a descriptor of the caller's is written to where it stands.
func TestOutputStreams(t *testing.T) {
	defer systest.Descriptors(t)()
	r, w, err := os.Pipe()
	systest.MustDo(t, err)
	defer r.Close()
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		o, err := OpenOutput(dir + strconv.Itoa(int(w.Fd())))
		systest.MustDo(t, err)
		systest.MustDo(t, o.Write([]byte(dir), 0o600))
		systest.MustDo(t, o.Remove())
		o.Close()
	}
	w.Close()
	if got, _ := io.ReadAll(r); string(got) != "/dev/fd//proc/self/fd/" {
		t.Errorf("the pipe has %q", got)
	}
	if _, err := OpenOutput("/dev/fd/" + strconv.Itoa(int(r.Fd()))); err == nil || !strings.Contains(err.Error(), "not open for writing") {
		t.Errorf("the end for reading: %v", err)
	}
}

// TestOutputRemove: only what was made is removed.
func TestOutputRemove(t *testing.T) {
	path := t.TempDir() + "/f"
	o, err := OpenOutput(path)
	systest.MustDo(t, err)
	defer o.Close()
	systest.MustDo(t, os.WriteFile(path, []byte("another's"), 0o600))
	systest.MustDo(t, o.Remove())
	if _, err := os.Stat(path); err != nil {
		t.Errorf("removed before it was made: %v", err)
	}
	systest.MustDo(t, o.Write([]byte("ours"), 0o600))
	systest.MustDo(t, o.Remove())
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("not removed: %v", err)
	}
	systest.MustDo(t, o.Write([]byte("ours"), 0o600))
	systest.MustDo(t, os.Rename(path, path+".kept"))
	systest.MustDo(t, os.WriteFile(path, []byte("another's"), 0o600))
	systest.MustDo(t, o.Remove())
	if _, err := os.Stat(path); err != nil {
		t.Errorf("another's file is removed: %v", err)
	}
	((*Output)(nil)).Close()
	systest.MustDo(t, (*Output)(nil).Remove())
}
