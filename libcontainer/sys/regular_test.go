package sys

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestReadRegular: only regular files are opened; each error names the file.
func TestReadRegular(t *testing.T) {
	defer systest.Descriptors(t)()
	top := t.TempDir()
	systest.MustDo(t, os.WriteFile(top+"/file", []byte("text"), 0o600))
	systest.MustDo(t, os.Symlink("file", top+"/link"))
	systest.MustDo(t, os.Symlink("/dev/zero", top+"/zero"))
	systest.MustDo(t, os.Symlink("/proc/version", top+"/proc"))
	systest.MustDo(t, unix.Mkfifo(top+"/fifo", 0o600))
	systest.MustDo(t, os.Mkdir(top+"/dir", 0o700))
	for name, want := range map[string]string{
		"file": "", "link": "",
		"fifo":      "read " + top + "/fifo: expected a regular file, found a fifo",
		"dir":       "read " + top + "/dir: expected a regular file, found a directory",
		"zero":      "read " + top + "/zero: expected a regular file, found a character device",
		"proc":      "read " + top + "/proc: expected a regular file, found a file of procfs",
		"none":      "open " + top + "/none: no such file or directory",
		"file/none": "open " + top + "/file/none: not a directory",
	} {
		data, err := ReadRegular(top+"/"+name, 4)
		if want == "" {
			if err != nil || string(data) != "text" {
				t.Errorf("%s: %q, %v", name, data, err)
			}
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	if _, err := ReadRegular(top+"/file", 3); err == nil || !strings.HasSuffix(err.Error(), "/file: expected at most 3 bytes, found more") {
		t.Errorf("too long: %v", err)
	}
	if _, err := ReadRegular(top+"/none", 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestOpenRegularInRoot: links stay inside, and a fifo or device is not opened.
func TestOpenRegularInRoot(t *testing.T) {
	defer systest.Descriptors(t)()
	root, _ := tree(t)
	defer unix.Close(root)
	systest.MustDo(t, unix.Mkfifoat(root, "fifo", 0o600))
	for path, ok := range map[string]bool{"/dir/file": true, "/dir": false, "/fifo": false, "/none": false} {
		fd, err := OpenRegularInRoot(root, path)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
}

// TestReadGiven: what the caller names may be a stream.
func TestReadGiven(t *testing.T) {
	defer systest.Descriptors(t)()
	top := t.TempDir()
	systest.MustDo(t, unix.Mkfifo(top+"/fifo", 0o600))
	go os.WriteFile(top+"/fifo", []byte("through a fifo"), 0)
	if data, err := ReadGiven(top+"/fifo", 100); err != nil || string(data) != "through a fifo" {
		t.Errorf("a fifo: %q, %v", data, err)
	}
	for _, nonblock := range []bool{false, true} {
		var ends [2]int
		systest.MustDo(t, unix.Pipe2(ends[:], unix.O_CLOEXEC))
		systest.MustDo(t, unix.SetNonblock(ends[0], nonblock))
		go func() {
			WriteAll(ends[1], []byte("through a pipe"))
			unix.Close(ends[1])
		}()
		if data, err := ReadGiven("/dev/fd/"+strconv.Itoa(ends[0]), 100); err != nil || string(data) != "through a pipe" {
			t.Errorf("a pipe: %q, %v", data, err)
		}
		unix.Close(ends[0])
	}
	for path, want := range map[string]string{
		"/dev/zero":   "read /dev/zero: expected a regular file, found a character device",
		"/dev/fd/999": "read /dev/fd/999: bad file descriptor",
		top:           "read " + top + ": expected a regular file, found a directory",
	} {
		if _, err := ReadGiven(path, 100); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

// TestOpenNamespace: what is no namespace is not opened.
func TestOpenNamespace(t *testing.T) {
	defer systest.Descriptors(t)()
	fifo := t.TempDir() + "/fifo"
	systest.MustDo(t, unix.Mkfifo(fifo, 0o600))
	for path, want := range map[string]string{
		"/proc/self/ns/net": "",
		fifo:                "open " + fifo + ": expected a namespace, found a fifo",
		"/dev/zero":         "open /dev/zero: expected a namespace, found a character device",
		"/proc/self/stat":   "open /proc/self/stat: expected a namespace, found a regular file",
		"/none":             "open /none: no such file or directory",
	} {
		fd, err := OpenNamespace(path)
		if err == nil {
			unix.Close(fd)
		}
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}
