package foreground

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestPidFile(t *testing.T) {
	write := func(path string) error {
		var o Outputs
		defer o.Close()
		if err := o.Open(path, new(initlink.TraceFiles), ""); err != nil {
			return err
		}
		return o.WritePidFile(4242)
	}
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	dir := t.TempDir()
	precious := dir + "/precious"
	systest.MustDo(t, os.WriteFile(precious, []byte("precious"), 0o600))
	for name, put := range map[string]func(path string) error{
		"nothing":             func(string) error { return nil },
		"an old one":          func(p string) error { return os.WriteFile(p, []byte("99999999\n"), 0o600) },
		"a hard link":         func(p string) error { return os.Link(precious, p) },
		"a file of that name": func(p string) error { return os.WriteFile(filepath.Dir(p)+"/.pid", []byte("1"), 0o600) },
		"a link of that name": func(p string) error { return os.Symlink(precious, filepath.Dir(p)+"/.pid") },
	} {
		d := t.TempDir()
		systest.MustDo(t, put(d+"/pid"))
		before, _ := os.ReadDir(d)
		if err := write(d + "/pid"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(d + "/pid"); err != nil || string(got) != "4242" {
			t.Errorf("%s: it holds %q, %v", name, got, err)
		}
		info, err := os.Lstat(d + "/pid")
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		after, _ := os.ReadDir(d)
		for _, e := range before {
			if !slices.ContainsFunc(after, func(a os.DirEntry) bool { return a.Name() == e.Name() }) {
				t.Errorf("%s: %s is gone", name, e.Name())
			}
		}
		if len(after) > len(before)+1 {
			t.Errorf("%s: %d files are there", name, len(after))
		}
	}
	systest.MustDo(t, os.Mkdir(dir+"/dir", 0o755))
	systest.MustDo(t, os.Symlink(precious, dir+"/link"))
	for _, path := range []string{dir + "/dir", dir + "/link", dir + "/missing/pid"} {
		if err := write(path); err == nil || !strings.HasPrefix(err.Error(), "--pid-file: ") {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if got, _ := os.ReadFile(precious); string(got) != "precious" {
		t.Errorf("a link was followed: %q", got)
	}
	if names, _ := os.ReadDir(dir); len(names) != 3 {
		t.Errorf("%d files are there, want 3", len(names))
	}
	systest.MustDo(t, write(""))
}
