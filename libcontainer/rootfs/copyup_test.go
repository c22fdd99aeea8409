package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// copyUpStep is a tmpfs over a directory, filled with it.
func copyUpStep(target string, params ...string) *plan.MountFS {
	return &plan.MountFS{Type: "tmpfs", Source: "tmpfs", Target: target, Params: params, CopyUp: true, Fallback: -1}
}

func lstat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	systest.MustDo(t, unix.Lstat(path, &st))
	return st
}

// TestCopyUp: the copy has names, contents, owners, modes, times, attributes
// and hard links of the original, whatever is mounted in that.
func TestCopyUp(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	unix.Umask(0) // as init's
	dir := root + "/var/data"
	systest.MustDo(t, os.MkdirAll(dir+"/sub/deep", 0o750))
	systest.MustDo(t, os.Mkdir(dir+"/mounted", 0o755))
	systest.MustDo(t, unix.Mount("proc", dir+"/mounted", "proc", 0, ""))
	systest.MustDo(t, os.WriteFile(dir+"/file", []byte("contents"), 0o640))
	systest.MustDo(t, unix.Chown(dir+"/file", 12, 34))
	systest.MustDo(t, unix.Chmod(dir+"/file", 0o4755))
	netRaw := "\x01\x00\x00\x02\x00\x20" + strings.Repeat("\x00", 14) // capabilities(7), VFS_CAP_REVISION_2
	systest.MustDo(t, unix.Setxattr(dir+"/file", "security.capability", []byte(netRaw), 0))
	systest.MustDo(t, os.Link(dir+"/file", dir+"/sub/link"))
	systest.MustDo(t, os.WriteFile(dir+"/sub/big", []byte(strings.Repeat("x", 300_000)), 0o600))
	systest.MustDo(t, os.WriteFile(dir+"/sparse", []byte("begin"), 0o600))
	systest.MustDo(t, os.Truncate(dir+"/sparse", 1<<40))
	systest.MustDo(t, os.Symlink("/etc/shadow", dir+"/link"))
	systest.MustDo(t, unix.Lchown(dir+"/link", 5, 6))
	systest.MustDo(t, unix.Mkfifo(dir+"/fifo", 0o600))
	for i := range 500 { // more than one read of the directory gives
		systest.MustDo(t, os.WriteFile(fmt.Sprintf("%s/sub/deep/%s%d", dir, strings.Repeat("n", 100), i), nil, 0o644))
	}
	systest.MustDo(t, unix.Chown(dir, 7, 8))
	systest.MustDo(t, unix.Chmod(dir, 0o1755))
	old := unix.Timeval{Sec: 1e9}
	systest.MustDo(t, unix.Utimes(dir+"/sub", []unix.Timeval{old, old}))

	systest.MustDo(t, b.MountFS(copyUpStep("/var/data", "size=1m")))
	if fsType(t, dir) != unix.TMPFS_MAGIC {
		t.Error("no tmpfs")
	}
	for name, want := range map[string]unix.Stat_t{
		"":      {Mode: unix.S_IFDIR | 0o1755, Uid: 7, Gid: 8},
		"/sub":  {Mode: unix.S_IFDIR | 0o750},
		"/file": {Mode: unix.S_IFREG | 0o4755, Uid: 12, Gid: 34},
		"/link": {Mode: unix.S_IFLNK | 0o777, Uid: 5, Gid: 6},
		"/fifo": {Mode: unix.S_IFIFO | 0o600},
	} {
		if st := lstat(t, dir+name); st.Mode != want.Mode || st.Uid != want.Uid || st.Gid != want.Gid {
			t.Errorf("%s: mode %o, owner %d:%d", name, st.Mode, st.Uid, st.Gid)
		}
	}
	if target, _ := os.Readlink(dir + "/link"); target != "/etc/shadow" {
		t.Errorf("link leads to %q", target)
	}
	if st := lstat(t, dir+"/sub"); st.Mtim.Sec != old.Sec {
		t.Errorf("a directory is of %d, want %d", st.Mtim.Sec, old.Sec)
	}
	if lstat(t, dir+"/file").Ino != lstat(t, dir+"/sub/link").Ino {
		t.Error("two names of a file became two files")
	}
	value := make([]byte, 100)
	if n, err := unix.Getxattr(dir+"/file", "security.capability", value); err != nil || string(value[:n]) != netRaw {
		t.Errorf("file capabilities: %q, %v", value[:max(n, 0)], err)
	}
	if big, err := os.ReadFile(dir + "/sub/big"); err != nil || len(big) != 300_000 {
		t.Errorf("big file: %d bytes, %v", len(big), err)
	}
	if st := lstat(t, dir+"/sparse"); st.Size != 1<<40 || st.Blocks > 16 {
		t.Errorf("sparse file: %d bytes in %d blocks", st.Size, st.Blocks)
	}
	if names, err := os.ReadDir(dir + "/sub/deep"); err != nil || len(names) != 500 {
		t.Errorf("%d names, %v", len(names), err)
	}
	if _, err := os.Lstat(dir + "/mounted"); err == nil {
		t.Error("what is mounted in the directory was copied")
	}
}

// TestCopyUpParams: what the options say of the tmpfs itself is not the
// directory's to say.
func TestCopyUpParams(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	dir := root + "/d"
	systest.MustDo(t, os.Mkdir(dir, 0o755))
	systest.MustDo(t, unix.Chown(dir, 7, 8))
	systest.MustDo(t, b.MountFS(copyUpStep("/d", "mode=700", "gid=9")))
	if st := lstat(t, dir); st.Mode != unix.S_IFDIR|0o700 || st.Uid != 7 || st.Gid != 9 {
		t.Errorf("mode %o, owner %d:%d", st.Mode, st.Uid, st.Gid)
	}
}

// TestCopyUpLimits: an image that holds more than fits ends in an error that
// names the file, not in a full machine or a crash.
func TestCopyUpLimits(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	systest.MustDo(t, os.MkdirAll(root+"/big/sub", 0o755))
	systest.MustDo(t, os.WriteFile(root+"/big/sub/file", make([]byte, 300_000), 0o644))
	err := b.MountFS(copyUpStep("/big", "size=64k"))
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "copy up sub/file") {
		t.Errorf("too big: %v", err)
	}
	if fsType(t, root+"/big/sub") != fsType(t, root) {
		t.Error("half a copy was attached")
	}
	systest.MustDo(t, os.MkdirAll(root+"/deep"+strings.Repeat("/d", maxCopyDepth+10), 0o755))
	if err := b.MountFS(copyUpStep("/deep")); err == nil || !strings.Contains(err.Error(), "directories in each other") {
		t.Errorf("too deep: %v", err)
	}
}

// TestCopyUpTree: no directory is too large or too branched for what there is to
// remember the rest of it, any number of files may have several names, and nothing is
// allocated.
func TestCopyUpTree(t *testing.T) {
	if !alone(t) {
		return
	}
	_, root := build(t)
	long := strings.Repeat("n", 200)
	const dirs, files = 40, 30
	for i := range dirs {
		dir := fmt.Sprintf("%s/%s%d/%s", root, long, i, long)
		systest.MustDo(t, os.MkdirAll(dir, 0o700+os.FileMode(i)))
		for j := range files {
			name := fmt.Sprintf("%s/%s%d", dir, long, j)
			systest.MustDo(t, os.WriteFile(name, fmt.Appendf(nil, "%d %d", i, j), 0o600))
			systest.MustDo(t, os.Link(name, fmt.Sprintf("%s/%d-%d", root, i, j)))
		}
	}
	from, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	mount := -1
	var failed error
	if n := testing.AllocsPerRun(2, func() {
		unix.Close(mount)
		if mount, failed = sys.NewFilesystem("tmpfs", "tmpfs", nil, 0); failed == nil {
			failed = copyUp(from, mount, nil)
		}
	}); n != 0 || failed != nil {
		t.Fatalf("%v allocations, %v", n, failed)
	}
	copied := fmt.Sprintf("/proc/thread-self/fd/%d", mount)
	for i := range dirs {
		for j := range files {
			dir := fmt.Sprintf("%s/%s%d/%s", copied, long, i, long)
			first, second := lstat(t, fmt.Sprintf("%s/%s%d", dir, long, j)), lstat(t, fmt.Sprintf("%s/%d-%d", copied, i, j))
			if first.Ino != second.Ino || first.Nlink != 2 || first.Size != int64(len(fmt.Sprintf("%d %d", i, j))) {
				t.Fatalf("file %d of directory %d: %v and %v", j, i, first, second)
			}
			if got := lstat(t, dir); got.Mode != unix.S_IFDIR|0o700+uint32(i)&^0o022 {
				t.Fatalf("directory %d has mode %o", i, got.Mode)
			}
		}
	}
}
