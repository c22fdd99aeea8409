package advice

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

func TestFindHint(t *testing.T) {
	if _, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH}); err != nil {
		t.Skip("openat2: ", err)
	}
	empty, full := t.TempDir(), t.TempDir()
	for _, dir := range []string{empty + "/proc", empty + "/dev", full + "/bin", full + "/usr/sbin", full + "/opt"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"/bin/text": 0o644, "/bin/root": 0o700, "/usr/sbin/tool": 0o755, "/opt/text": 0o644} {
		if err := os.WriteFile(full+name, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/nowhere", full+"/bin/link"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(full+"/bin/fifo", 0o755); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("/a/directory:", 1000)
	for _, c := range []struct{ root, name, path, want string }{
		{empty, "sh", "/bin", "the root filesystem is empty"},
		{empty, "/bin/sh", "", "the root filesystem is empty"},
		{full, "text", "/sbin:/bin", "/bin/text has the mode 0644: make it executable, with chmod +x"},
		{full, "/opt/text", "", "/opt/text has the mode 0644"},
		{full, "/bin/root", "", "belongs to user"},
		{full, "/bin/fifo", "", "/bin/fifo is a fifo"},
		{full, "link", "/bin", "/bin/link is a symbolic link, and what it names is not in the root filesystem"},
		{full, "tool", "/bin", "/usr/sbin/tool is there, and no directory of PATH"},
		{full, "nosuch", "/bin:/sbin", "PATH in process.env is /bin:/sbin"},
		{full, "nosuch", "", "no PATH"},
		{full, "nosuch", long, "/a/d... (13000 bytes)"},
		{full, "sh -c true", "/bin", "blanks do not separate arguments"},
		{full, "./x", "/bin", "relative to process.cwd"},
		{full, "", "/bin", "it is empty"},
		{full, "/bin", "", ""},
		{full, "/bin/nosuch", "", ""},
		{filepath.Join(full, "gone"), "x", "/bin", ""},
	} {
		got := findHint(c.root, &plan.FindExecutable{Name: c.name, Path: c.path})
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") || len(got) > 400 {
			t.Errorf("%q in %.40s: %q, want %q", c.name, c.path, got, c.want)
		}
	}
}
