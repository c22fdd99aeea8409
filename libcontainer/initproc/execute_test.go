package initproc

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
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
		var found raw.Text
		err := lookPath(c.name, c.path, &found)
		got := found.String()
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

// TestLookPathBounds: no path is longer than the kernel takes.
func TestLookPathBounds(t *testing.T) {
	var found raw.Text
	long := strings.Repeat("x", 5000)
	if err := lookPath("true", long+":/nowhere:/bin", &found); err != nil || found.String() != "/bin/true" {
		t.Errorf("%.40q, %v", found.String(), err)
	}
	if err := lookPath("/"+long, "", &found); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("error %.40v…, want %v", err, unix.ENAMETOOLONG)
	}
}

func TestHomeIn(t *testing.T) {
	lines := strings.Join([]string{
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
		"more:x:10060:0::/more",
		"long:x:1007:0::/" + strings.Repeat("x", 5000),
		"second:x:1007:0::/second",
		"noshell:x:1006:0::/noshell",
	}, "\n")
	for uid, want := range map[uint32]string{
		0: "/root", 7: "/", 10: "/", 1000: "/home/app", 1001: "/", 1002: "/", 1003: "/", 1004: "/", 1005: "/", 1006: "/noshell",
		1007: "/second", 4294967295: "/",
	} {
		if got := homeOf(t, lines, uid); got != want {
			t.Errorf("home of %d is %q, want %q", uid, got, want)
		}
	}
	// What is read ends anywhere.
	const line = "a:x:4294967295:5::/home/a:"
	for before := 4096 - len(line); before <= 4096; before++ {
		if got := homeOf(t, strings.Repeat("\n", before)+line, 4294967295); got != "/home/a" {
			t.Errorf("home after %d bytes is %q", before, got)
		}
	}
}

// homeOf writes a passwd file and returns a home.
func homeOf(t *testing.T, lines string, uid uint32) string {
	t.Helper()
	fd, err := unix.MemfdCreate("passwd", unix.MFD_CLOEXEC)
	systest.MustDo(t, err)
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(lines))
	systest.MustDo(t, err)
	_, err = unix.Seek(fd, 0, unix.SEEK_SET)
	systest.MustDo(t, err)
	var dir raw.Text
	systest.MustDo(t, homeIn(fd, uid, dir.Add("HOME=")))
	return strings.TrimPrefix(dir.String(), "HOME=")
}

// TestNoAllocation: init does this without Go's runtime.
func TestNoAllocation(t *testing.T) {
	root, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(root)
	var limit unix.Rlimit
	systest.MustDo(t, unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	limits := &plan.SetRlimits{Limits: []plan.Rlimit{{Type: "RLIMIT_CORE", Resource: unix.RLIMIT_CORE, Soft: limit.Cur, Hard: limit.Max}}}
	env := []string{"A=1", "LISTEN_PID=0"}
	var found, dir, listen raw.Text
	var failed unix.Errno
	t.Chdir("/")
	if n := testing.AllocsPerRun(10, func() {
		listenPID(env, &listen)
		if lookPath("true", "/bin", &found) != nil || home(root, 0, &dir) != nil || setRlimits(limits) != nil ||
			chdir("/usr", true, true, &failed) != nil || ownStdio(&plan.OwnStdio{UID: 0, PipesOnly: true}) != nil {
			t.Error("a step failed")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestChdir: a directory that is closed to root is left to the process's own user.
func TestChdir(t *testing.T) {
	t.Chdir("/")
	var failed unix.Errno
	if err := chdir("/no/such", false, true, &failed); err == nil || failed != 0 || !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v, %v", err, failed)
	}
	systest.MustDo(t, chdir("/usr", false, true, &failed))
	if dir, err := os.Getwd(); dir != "/usr" || err != nil {
		t.Errorf("in %s, %v", dir, err)
	}
}

func TestKeyPermissions(t *testing.T) {
	for description, want := range map[string]uint32{
		"keyring;0;0;3f030000;_ses": 0x3f030000, "keyring;0;0;0;": 0, "keyring;-1;-1;1f3f0000;a;b": 0x1f3f0000,
	} {
		if mask, ok := keyPermissions(description); !ok || mask != want {
			t.Errorf("%q: %#x, %t, want %#x", description, mask, ok, want)
		}
	}
	for _, description := range []string{"", "keyring;0;0;;x", "keyring;0;0;3f030000", "keyring;0;0;3g;x", "keyring;0;0;123456789;x", "keyring;0;0;-1;x"} {
		if mask, ok := keyPermissions(description); ok {
			t.Errorf("%q: %#x", description, mask)
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
		var dir raw.Text
		if err := home(root, 5, &dir); dir.String() != c.want || err != nil {
			t.Errorf("%s: home is %q, %v, want %q", name, dir.String(), err, c.want)
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
