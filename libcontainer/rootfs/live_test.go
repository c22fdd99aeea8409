package rootfs

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// helper is a builder in a mount namespace that it has joined: its own, once
// more, whose root is the container's for these tests. Paths are opened before.
func helper(t *testing.T, dir string, trees ...plan.Tree) (*Builder, error) {
	t.Helper()
	open := func(path string, flags int) int {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		return fd
	}
	systest.MustDo(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	systest.MustDo(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() {
		os.Chdir("/")
		unix.Unmount(dir, unix.MNT_DETACH)
	})
	systest.MustDo(t, unix.Mount("proc", "/proc", "proc", 0, "")) // of the test's pid namespace
	slots := len(trees)
	trees = append(trees, plan.Tree{FD: open("/proc/thread-self/ns/mnt", unix.O_RDONLY)}, plan.Tree{FD: open("/proc/thread-self", unix.O_PATH|unix.O_DIRECTORY)})
	b := new(Builder)
	b.Init(trees)
	err := b.EnterContainer(&plan.EnterContainer{Mount: slots, Proc: slots + 1})
	return b, err
}

func attached(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	systest.MustDo(t, err)
	return string(text)
}

func TestUndo(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	source := t.TempDir()
	systest.MustDo(t, os.WriteFile(source+"/file", nil, 0o600))
	b, err := helper(t, dir, plan.Tree{FD: -1, Path: source}, plan.Tree{FD: -1, Path: source + "/file"}, plan.Tree{FD: -1, Path: "/none"})
	systest.MustDo(t, err)
	before := attached(t)
	check := systest.Descriptors(t)
	systest.MustDo(t, b.MountFS(&plan.MountFS{Type: "tmpfs", Source: "t", Target: dir + "/t", Fallback: -1}))
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 0, Source: source, Target: dir + "/t/bound"}))
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 1, Source: source + "/file", Target: dir + "/one"}))
	if err := b.Bind(&plan.Bind{Slot: 2, Source: "/none", Target: dir + "/none"}); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "/none") {
		t.Errorf("bind of what was not there: %v", err)
	}
	// Whatever the container calls them by now.
	systest.MustDo(t, os.Mkdir(dir+"/elsewhere", 0o755))
	if n := strings.Count(attached(t), "\n") - strings.Count(before, "\n"); n != 3 {
		t.Errorf("%d mounts more, want 3", n)
	}
	systest.MustDo(t, b.Undo())
	systest.MustDo(t, b.Undo()) // there is nothing more to undo
	if now := attached(t); now != before {
		t.Errorf("mounts\n%swant\n%s", now, before)
	}
	check()
}

func TestFindMount(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	b, err := helper(t, dir)
	systest.MustDo(t, err)
	before := attached(t)
	for _, path := range []string{"/a", "/a/b", "/plain", "/proc/masked"} {
		os.Mkdir(dir+path, 0o755)
	}
	systest.MustDo(t, unix.Mount("t", dir+"/a", "tmpfs", 0, ""))
	systest.MustDo(t, os.WriteFile(dir+"/a/file", nil, 0o600))
	systest.MustDo(t, os.WriteFile(dir+"/a/mask", nil, 0o600))
	systest.MustDo(t, unix.Mount("/proc/version", dir+"/a/file", "", unix.MS_BIND, ""))
	systest.MustDo(t, unix.Mount("/dev/null", dir+"/a/mask", "", unix.MS_BIND, ""))
	systest.MustDo(t, os.Symlink("a", dir+"/link"))
	for path, want := range map[string]string{
		dir + "/plain":     "not a mount point",
		dir + "/none":      "no such file",
		dir + "/link":      "name the place itself",
		dir + "/link/file": "name the place itself",
		dir + "/a/mask":    "it was not added",
		"/":                "names no mount",
	} {
		if err := b.FindMount(&plan.FindMount{Target: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	for _, path := range []string{dir + "/a/file", dir + "/a"} {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		id, err := mountID(fd)
		systest.MustDo(t, errors.Join(err, unix.Close(fd)))
		systest.MustDo(t, b.FindMount(&plan.FindMount{Target: path, Added: []uint64{1, id}}))
	}
	if changed, err := b.Changed(); len(changed) != 2 || err != nil {
		t.Errorf("changed are %v, %v", changed, err)
	}
	systest.MustDo(t, b.DetachMounts())
	if now := attached(t); now != before {
		t.Errorf("mounts\n%swant\n%s", now, before)
	}
}
