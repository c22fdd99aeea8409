package terminal

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// alone runs the test once more as root of its own mount namespace and session,
// and reports whether this is that run.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("TERMINAL_TEST_ALONE") == t.Name() {
		systest.MustDo(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "TERMINAL_TEST_ALONE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Setsid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	} else if strings.Contains(string(out), "no devpts") {
		t.Skipf("%s", out)
	}
	return false
}

// root makes a root filesystem with a devpts of its own.
func root(t *testing.T) (int, string) {
	t.Helper()
	dir := t.TempDir()
	systest.MustDo(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	systest.MustDo(t, os.MkdirAll(dir+"/dev/pts", 0o755))
	if err := unix.Mount("devpts", dir+"/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620"); err != nil {
		t.Skipf("no devpts: %v", err)
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	t.Cleanup(func() {
		unix.Close(fd)
		unix.Unmount(dir, unix.MNT_DETACH)
	})
	return fd, dir
}

func TestOpen(t *testing.T) {
	if !alone(t) {
		return
	}
	fd, dir := root(t)
	master, slave, err := Open(fd, &plan.Console{Width: 80, Height: 25, UID: 1000, Mount: true})
	systest.MustDo(t, err)
	size, err := unix.IoctlGetWinsize(master, unix.TIOCGWINSZ)
	if err != nil || size.Col != 80 || size.Row != 25 {
		t.Errorf("size is %+v, %v", size, err)
	}
	var console, peer unix.Stat_t
	systest.MustDo(t, unix.Stat(dir+"/dev/console", &console))
	systest.MustDo(t, unix.Fstat(slave, &peer))
	if console.Rdev != peer.Rdev || unix.Major(peer.Rdev) != 136 || console.Uid != 1000 {
		t.Errorf("/dev/console is %d:%d of uid %d, the terminal %d:%d", unix.Major(console.Rdev), unix.Minor(console.Rdev),
			console.Uid, unix.Major(peer.Rdev), unix.Minor(peer.Rdev))
	}
	if _, err := unix.Write(slave, []byte("hello\n")); err != nil {
		t.Errorf("write: %v", err)
	}
	buf := make([]byte, 100)
	if n, err := unix.Read(master, buf); err != nil || string(buf[:n]) != "hello\r\n" {
		t.Errorf("read %q, %v", buf[:max(n, 0)], err)
	}

	// It becomes the controlling terminal and the standard streams.
	old, err := unix.Dup(1)
	systest.MustDo(t, err)
	err = errors.Join(Control(slave), Adopt(slave))
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Rdev != peer.Rdev {
			t.Errorf("descriptor %d is not the terminal", fd)
		}
		if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC != 0 {
			t.Errorf("descriptor %d would not be inherited", fd)
		}
	}
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err != nil {
		t.Errorf("no controlling terminal: %v", err)
	} else {
		tty.Close()
	}
	for fd := range 3 {
		unix.Dup3(old, fd, 0)
	}
	systest.MustDo(t, err)
}

// TestPlainLines: the program's first line ends as it has ended it, however late the
// runtime gets the terminal.
func TestPlainLines(t *testing.T) {
	if !alone(t) {
		return
	}
	fd, _ := root(t)
	for plain, want := range map[bool]string{false: "hello\r\n", true: "hello\n"} {
		master, slave, err := Open(fd, &plan.Console{PlainLines: plain})
		systest.MustDo(t, err)
		_, err = unix.Write(slave, []byte("hello\n"))
		systest.MustDo(t, err)
		buf := make([]byte, 100)
		if n, err := unix.Read(master, buf); err != nil || string(buf[:n]) != want {
			t.Errorf("read %q, %v, want %q", buf[:max(n, 0)], err, want)
		}
		unix.Close(master)
		unix.Close(slave)
	}
}

// TestHostileDev: what an image put in the terminal's way is not taken for it,
// and nothing outside is opened or made (CVE-2025-52565, CVE-2026-88264).
func TestHostileDev(t *testing.T) {
	if !alone(t) {
		return
	}
	for name, put := range map[string]func(dir string) error{
		"ptmx is missing": func(dir string) error { return nil },
		"ptmx is a file":  func(dir string) error { return os.WriteFile(dir+"/dev/pts/ptmx", nil, 0o666) },
		"ptmx is a link":  func(dir string) error { return os.Symlink("/dev/ptmx", dir+"/dev/pts/ptmx") },
		"ptmx is another device": func(dir string) error {
			return unix.Mknod(dir+"/dev/pts/ptmx", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))
		},
		"pts is a link": func(dir string) error {
			return os.Symlink("../../../../../../../../dev/pts", dir+"/dev/pts")
		},
	} {
		fd, dir := root(t)
		systest.MustDo(t, unix.Unmount(dir+"/dev/pts", 0))
		if name == "pts is a link" {
			systest.MustDo(t, os.Remove(dir+"/dev/pts"))
		}
		systest.MustDo(t, put(dir))
		noneLeft := systest.Descriptors(t)
		if _, _, err := Open(fd, &plan.Console{Mount: true}); err == nil {
			t.Errorf("%s: a terminal was opened", name)
		}
		noneLeft()
	}

	fd, dir := root(t)
	systest.MustDo(t, os.Symlink("/proc/uptime", dir+"/dev/console"))
	systest.MustDo(t, os.Mkdir(dir+"/proc", 0o755))
	systest.MustDo(t, unix.Mount("proc", dir+"/proc", "proc", 0, ""))
	if _, _, err := Open(fd, &plan.Console{Mount: true}); err == nil || !strings.Contains(err.Error(), "leads into a procfs") {
		t.Errorf("a console in procfs: %v", err)
	}
	systest.MustDo(t, unix.Unmount(dir+"/proc", 0))

	fd, dir = root(t)
	outside := t.TempDir()
	systest.MustDo(t, os.Symlink(outside+"/made", dir+"/dev/console"))
	master, slave, err := Open(fd, &plan.Console{Mount: true})
	systest.MustDo(t, err)
	unix.Close(master)
	unix.Close(slave)
	if names, _ := os.ReadDir(outside); len(names) != 0 {
		t.Errorf("outside the root there is now %v", names)
	}
}
