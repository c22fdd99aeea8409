package initproc

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"/one", "/two", "/two/dir"} {
		systest.MustDo(t, os.MkdirAll(dir+d, 0o755))
	}
	for name, mode := range map[string]os.FileMode{"/one/plain": 0o644, "/one/both": 0o644, "/two/both": 0o755, "/two/tool": 0o755, "/here": 0o755} {
		systest.MustDo(t, os.WriteFile(dir+name, nil, mode))
	}
	systest.MustDo(t, unix.Mkfifo(dir+"/two/fifo", 0o755))
	systest.MustDo(t, os.Symlink("tool", dir+"/two/link"))
	systest.MustDo(t, os.Symlink("nowhere", dir+"/two/broken"))
	t.Chdir(dir)
	path := dir + "/one:" + dir + "/two"
	for _, c := range []struct {
		name, path string
		want       string
		err        string
		errno      error
	}{
		{name: "tool", path: path, want: dir + "/two/tool"},
		{name: "both", path: path, want: dir + "/two/both"}, // what can't be executed is passed over
		{name: "link", path: path, want: dir + "/two/link"},
		{name: "here", path: path + ":", want: "./here"}, // an empty entry is the working directory
		{name: "here", path: ":" + path, want: "./here"},
		{name: "./here", path: path, want: "./here"},
		{name: "two/tool", path: "", want: "two/tool"},
		{name: dir + "/two/tool", path: "", want: dir + "/two/tool"},
		{name: "here", path: "", err: `exec: "here": executable file not found in $PATH`},
		{name: "missing", path: path, err: `exec: "missing": executable file not found in $PATH`},
		{name: "plain", path: path, err: `exec: "plain": executable file not found in $PATH`},
		{name: "dir", path: path, err: `exec: "dir": executable file not found in $PATH`},
		{name: "broken", path: path, err: `exec: "broken": executable file not found in $PATH`},
		{name: "", path: path, err: `exec: "": executable file not found in $PATH`},
		{name: "/no/such", path: path, err: `exec: "/no/such": stat /no/such: no such file or directory`, errno: unix.ENOENT},
		{name: "two/broken", path: path, err: `exec: "two/broken": stat two/broken: no such file or directory`, errno: unix.ENOENT},
		{name: "one/plain", path: path, err: `exec: "one/plain": permission denied`, errno: unix.EACCES},
		{name: "two/dir", path: path, err: `exec: "two/dir": is a directory`},
		{name: "two/fifo", path: path, err: `exec: "two/fifo": permission denied`, errno: unix.EACCES},
		{name: "here/x", path: path, err: `exec: "here/x": stat here/x: not a directory`, errno: unix.ENOTDIR},
	} {
		got, err := lookPath(c.name, c.path)
		switch {
		case c.err == "" && (err != nil || got != c.want):
			t.Errorf("%q in %q: %q, %v, want %q", c.name, c.path, got, err, c.want)
		case c.err != "" && (err == nil || err.Error() != c.err):
			t.Errorf("%q in %q: %q, %v, want %s", c.name, c.path, got, err, c.err)
		case c.errno != nil && !errors.Is(err, c.errno):
			t.Errorf("%q: %v is not %v", c.name, err, c.errno)
		}
	}
}

func TestHomeIn(t *testing.T) {
	passwd := strings.Join([]string{
		"root:x:0:0:root:/root:/bin/sh",
		"# comment",
		"",
		"short:x:7",
		"app:x:1000:1000::/home/app:/bin/sh",
		"again:x:1000:1000::/home/again:/bin/sh", // the first counts
		"empty:x:1001:1001:::/bin/sh",
		"1002:x:5:5::/wrong:/bin/sh", // a name is no id
		"nul:x:1003:1003::/a\x00b:/bin/sh",
		"plus:x:+1004:0::/plus:/bin/sh",
		"zeros:x:01005:0::/zeros:/bin/sh",
		"noshell:x:1006:0::/noshell",
	}, "\n")
	for uid, want := range map[uint32]string{
		0: "/root", 7: "/", 1000: "/home/app", 1001: "/", 1002: "/", 1003: "/", 1004: "/", 1005: "/", 1006: "/noshell", 4294967295: "/",
	} {
		if got := homeIn([]byte(passwd), uid); got != want {
			t.Errorf("home of %d is %q, want %q", uid, got, want)
		}
	}
}

// TestHome: the passwd file is the container's, wherever we are and whatever it
// is.
func TestHome(t *testing.T) {
	top := t.TempDir()
	systest.MustDo(t, os.MkdirAll(top+"/root/etc", 0o755))
	systest.MustDo(t, os.MkdirAll(top+"/root/app/etc", 0o755))
	systest.MustDo(t, os.WriteFile(top+"/passwd", []byte("a:x:5:5::/outside:"), 0o644))
	systest.MustDo(t, os.WriteFile(top+"/root/app/etc/passwd", []byte("a:x:5:5::/of-cwd:"), 0o644))
	root, err := unix.Open(top+"/root", unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(root)
	t.Chdir(top + "/root/app")
	passwd := top + "/root/etc/passwd"
	for name, c := range map[string]struct {
		put  func() error
		want string
	}{
		"nothing":        {func() error { return nil }, "/"},
		"file":           {func() error { return os.WriteFile(passwd, []byte("a:x:5:5::/home/a:"), 0o644) }, "/home/a"},
		"link outside":   {func() error { return os.Symlink("../../passwd", passwd) }, "/"},
		"link to host's": {func() error { return os.Symlink(top+"/passwd", passwd) }, "/"},
		"fifo":           {func() error { return unix.Mkfifo(passwd, 0o644) }, "/"},
		"directory":      {func() error { return os.Mkdir(passwd, 0o755) }, "/"},
		"endless":        {func() error { return os.Symlink("/dev/zero", passwd) }, "/"},
	} {
		os.Remove(passwd)
		systest.MustDo(t, c.put())
		if got, err := home(root, 5); got != c.want || err != nil {
			t.Errorf("%s: home is %q, %v, want %q", name, got, err, c.want)
		}
	}
}

// TestInsideRoot: a directory that is not below the root is found out
// (CVE-2024-21626).
func TestInsideRoot(t *testing.T) {
	t.Chdir("/usr")
	systest.MustDo(t, insideRoot())
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	mount, err := sys.NewFilesystem("tmpfs", "tmpfs", nil, 0)
	systest.MustDo(t, err)
	defer unix.Close(mount)
	systest.MustDo(t, unix.Fchdir(mount))
	if err := insideRoot(); err == nil || !strings.Contains(err.Error(), "possible container breakout") {
		t.Errorf("error %v", err)
	}
}
