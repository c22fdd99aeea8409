package sys

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// alone runs the test once more as root of its own mount and pid namespaces,
// and reports whether this is that run.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("SYS_TEST_ALONE") == t.Name() {
		systest.MustDo(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SYS_TEST_ALONE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func TestProcOpen(t *testing.T) {
	proc, err := HostProc()
	systest.MustDo(t, err)
	defer proc.Close()
	for _, c := range []struct {
		path string
		err  error
	}{
		{path: "self/status"},
		{path: "thread-self/status"},
		{path: strconv.Itoa(os.Getpid()) + "/stat"},
		{path: "sys/kernel/ostype"},
		{"self/root", unix.ELOOP},
		{"self/root/etc", unix.ELOOP},
		{"self/cwd", unix.ELOOP},
		{"self/exe", unix.ELOOP},
		{"self/fd/0", unix.ELOOP},
		{"self/ns/mnt", unix.ELOOP},
		{"../etc", unix.EXDEV},
		{"self/../../etc", unix.EXDEV},
		{"/etc", unix.EXDEV},
		{"nothing", unix.ENOENT},
	} {
		fd, err := proc.Open(c.path, unix.O_PATH)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", c.path, err, c.err)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
}

func TestProcRead(t *testing.T) {
	proc, err := HostProc()
	systest.MustDo(t, err)
	defer proc.Close()
	got, err := proc.Read("sys/kernel/ostype")
	if err != nil || string(got) != "Linux\n" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := proc.Read("self/nothing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that it does not exist", err)
	}
}

// TestProcMountedOn: a container that shares mounts can't put a file of its
// choice where the runtime writes (CVE-2019-16884, CVE-2025-52881).
func TestProcMountedOn(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, unix.Mount("proc", "/proc", "proc", 0, ""))
	fake := t.TempDir() + "/fake"
	systest.MustDo(t, os.WriteFile(fake, []byte("untouched"), 0o644))
	systest.MustDo(t, unix.Mount(fake, "/proc/sys/kernel/hostname", "", unix.MS_BIND, ""))
	systest.MustDo(t, unix.Mount("/proc/sys/kernel/domainname", "/proc/self/oom_score_adj", "", unix.MS_BIND, ""))
	systest.MustDo(t, unix.Mount("tmpfs", "/proc/sys/net", "tmpfs", 0, ""))

	host, err := HostProc()
	systest.MustDo(t, err)
	for _, path := range []string{"sys/kernel/hostname", "self/oom_score_adj", "sys/net/core"} {
		if err := host.Write(path, "x"); !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.ENOENT) {
			t.Errorf("write %s: %v, want %v", path, err, unix.EXDEV)
		}
	}
	if got, _ := os.ReadFile(fake); string(got) != "untouched" {
		t.Errorf("the file mounted over hostname holds %q", got)
	}

	// The private one shows what is below.
	private, err := PrivateProc()
	systest.MustDo(t, err)
	if got, err := private.Read("sys/kernel/hostname"); err != nil || string(got) == "untouched" {
		t.Errorf("private hostname: %q, %v", got, err)
	}
	systest.MustDo(t, private.Write("thread-self/oom_score_adj", "17"))
	systest.MustDo(t, unix.Unmount("/proc/self/oom_score_adj", 0))
	if got, _ := os.ReadFile("/proc/self/oom_score_adj"); string(got) != "17\n" {
		t.Errorf("oom_score_adj is %q", got)
	}

	// A whole /proc that is none is no procfs.
	systest.MustDo(t, unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""))
	if p, err := HostProc(); err == nil {
		t.Error("a tmpfs passed for a procfs")
		p.Close()
	}
}

func TestProcWriteError(t *testing.T) {
	proc, err := HostProc()
	systest.MustDo(t, err)
	defer proc.Close()
	err = proc.Write("self/oom_score_adj", "nonsense")
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "/proc/self/oom_score_adj") {
		t.Errorf("error %v, want %v and the path", err, unix.EINVAL)
	}
}

func TestReopen(t *testing.T) {
	proc, err := HostProc()
	systest.MustDo(t, err)
	defer proc.Close()
	path := t.TempDir() + "/f"
	systest.MustDo(t, os.WriteFile(path, []byte("text"), 0o600))
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(fd)
	systest.MustDo(t, os.Rename(path, path+".moved")) // the descriptor counts, not the name
	got, err := proc.Reopen(fd, unix.O_RDONLY)
	systest.MustDo(t, err)
	defer unix.Close(got)
	if text, err := ReadAll(got, 100); err != nil || string(text) != "text" {
		t.Errorf("reopened file holds %q, %v", text, err)
	}
}

func TestReadAll(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{0, 1, 511, 512, 513, 4096, 100_000} {
		for _, limit := range []int{1, 512, 4096, 100_000, 1 << 20} {
			path := filepath.Join(dir, strconv.Itoa(size))
			systest.MustDo(t, os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600))
			got, err := ReadFile(path, limit)
			if size > limit && !errors.Is(err, unix.EFBIG) || size <= limit && (err != nil || len(got) != size) {
				t.Errorf("%d bytes, limit %d: read %d, %v", size, limit, len(got), err)
			}
			fd, err := unix.Open(path, unix.O_RDONLY, 0)
			systest.MustDo(t, err)
			if got, err := ReadHead(fd, limit); err != nil || len(got) != min(size, limit) {
				t.Errorf("%d bytes, head of %d: read %d, %v", size, limit, len(got), err)
			}
			unix.Close(fd)
		}
	}
	// What has no size is read to its end all the same.
	r, w, err := os.Pipe()
	systest.MustDo(t, err)
	defer r.Close()
	go func() {
		w.Write([]byte(strings.Repeat("y", 5000)))
		w.Close()
	}()
	if got, err := ReadAll(int(r.Fd()), 1<<20); err != nil || len(got) != 5000 {
		t.Errorf("pipe: read %d, %v", len(got), err)
	}
}

func TestCheckDevice(t *testing.T) {
	dir := t.TempDir()
	systest.MustDo(t, os.WriteFile(dir+"/file", nil, 0o600))
	systest.MustDo(t, unix.Mkfifo(dir+"/fifo", 0o600))
	systest.MustDo(t, os.Symlink("/dev/null", dir+"/link"))
	for _, c := range []struct {
		path         string
		kind         uint32
		major, minor uint32
		want         string // in the error
	}{
		{"/dev/null", unix.S_IFCHR, 1, 3, ""},
		{"/dev/zero", unix.S_IFCHR, 1, 5, ""},
		{"/dev/zero", unix.S_IFCHR, 1, 3, "number is 1:5, expected 1:3"},
		{"/dev/null", unix.S_IFBLK, 1, 3, "character device, expected block device"},
		{dir + "/file", unix.S_IFCHR, 1, 3, "regular file, expected character device"},
		{dir, unix.S_IFCHR, 1, 3, "directory, expected character device"},
		{dir + "/link", unix.S_IFCHR, 1, 3, "symbolic link, expected character device"},
		{dir + "/fifo", unix.S_IFIFO, 9, 9, ""},
		{dir + "/fifo", unix.S_IFCHR, 0, 0, "fifo, expected character device"},
	} {
		fd, err := unix.Open(c.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		err = CheckDevice(fd, c.kind, c.major, c.minor)
		unix.Close(fd)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.path, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
	}
}

// TestOpenNull: what an image put at /dev/null is not taken for it
// (CVE-2025-31133).
func TestOpenNull(t *testing.T) {
	fd, err := OpenNull()
	systest.MustDo(t, err)
	unix.Close(fd)
	if !alone(t) {
		return
	}
	systest.MustDo(t, unix.Mount("tmpfs", "/dev", "tmpfs", 0, ""))
	for name, put := range map[string]func() error{
		"file":    func() error { return os.WriteFile("/dev/null", nil, 0o666) },
		"symlink": func() error { return os.Symlink("/proc/sysrq-trigger", "/dev/null") },
		"zero":    func() error { return unix.Mknod("/dev/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) },
		"nothing": func() error { return nil },
	} {
		os.Remove("/dev/null")
		systest.MustDo(t, put())
		if fd, err := OpenNull(); err == nil {
			unix.Close(fd)
			t.Errorf("%s passed for /dev/null", name)
		}
	}
}

func TestMounts(t *testing.T) {
	if !alone(t) {
		return
	}
	dir := t.TempDir()
	target, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(target)
	noneLeft := systest.Descriptors(t)

	_, err = NewFilesystem("tmpfs", "tmpfs", []string{"size=4k", "nonsense=1"}, 0)
	if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error %v, want the kernel's word on the parameter", err)
	}
	if _, err = NewFilesystem("nonsensefs", "", nil, 0); !errors.Is(err, unix.ENODEV) {
		t.Errorf("error %v, want %v", err, unix.ENODEV)
	}
	mount, err := NewFilesystem("tmpfs", "tmpfs", []string{"mode=700", "ro"}, unix.MOUNT_ATTR_NOEXEC)
	systest.MustDo(t, err)
	systest.MustDo(t, AttachMount(mount, target))
	var st unix.Statfs_t
	systest.MustDo(t, unix.Statfs(dir, &st))
	if st.Type != unix.TMPFS_MAGIC || st.Flags&unix.ST_RDONLY == 0 || st.Flags&unix.ST_NOEXEC == 0 {
		t.Errorf("type %#x flags %#x", st.Type, st.Flags)
	}

	// Setting one attribute leaves the others as they are.
	clone, err := CloneTree(mount, "", 0)
	systest.MustDo(t, err)
	systest.MustDo(t, ChangeMountAttr(clone, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NOEXEC, false))
	systest.MustDo(t, unix.Fstatfs(clone, &st))
	if st.Flags&unix.ST_NOSUID == 0 || st.Flags&unix.ST_NOEXEC != 0 {
		t.Errorf("flags of the clone: %#x", st.Flags)
	}
	systest.MustDo(t, unix.Statfs(dir, &st))
	if st.Flags&unix.ST_NOSUID != 0 || st.Flags&unix.ST_NOEXEC == 0 {
		t.Errorf("flags of the original changed: %#x", st.Flags)
	}
	unix.Close(clone)
	unix.Close(mount)
	systest.MustDo(t, unix.Unmount(dir, 0))
	noneLeft()
}
