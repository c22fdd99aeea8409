package rootfs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// alone runs the test once more as root of its own mount and pid namespaces,
// as init is, and reports whether this is that run.
func alone(t *testing.T) bool {
	t.Helper()
	return aloneIn(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET})
}

func aloneIn(t *testing.T, namespaces *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv("ROOTFS_TEST_ALONE") == t.Name() {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "ROOTFS_TEST_ALONE="+t.Name())
	cmd.SysProcAttr = namespaces
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	} else if strings.Contains(string(out), "SKIP") {
		t.Skipf("%s", out)
	}
	return false
}

const slave = unix.MS_SLAVE | unix.MS_REC

// build makes a builder with an attached root, and returns the root's path on
// the host. The mounts of other slots are those of paths.
func build(t *testing.T, paths ...string) (*Builder, string) {
	t.Helper()
	top := t.TempDir()
	systest.MustDo(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	systest.MustDo(t, unix.Mount("tmpfs", top, "tmpfs", 0, "")) // so that the cleanup is the namespace's
	root := top + "/rootfs"
	systest.MustDo(t, os.Mkdir(root, 0o755))
	trees := []plan.Tree{{FD: clone(t, root)}}
	for _, path := range paths {
		trees = append(trees, plan.Tree{FD: clone(t, path)})
	}
	b := new(Builder)
	b.Init(trees)
	t.Chdir(root)
	systest.MustDo(t, b.SetPropagation(&plan.SetPropagation{Flags: slave}))
	systest.MustDo(t, b.AttachRoot(&plan.AttachRoot{Slot: 0, Propagation: slave}))
	t.Cleanup(func() {
		os.Chdir("/")
		unix.Unmount(top, unix.MNT_DETACH)
	})
	return b, root
}

func clone(t *testing.T, path string) int {
	t.Helper()
	fd, err := sys.CloneTree(unix.AT_FDCWD, path, unix.AT_RECURSIVE)
	systest.MustDo(t, err)
	return fd
}

func fsType(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Statfs_t
	systest.MustDo(t, unix.Statfs(path, &st))
	return st.Type
}

func fsFlags(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Statfs_t
	systest.MustDo(t, unix.Statfs(path, &st))
	return st.Flags
}

func attrs(set uint64) plan.MountOptions { return plan.MountOptions{Attr: plan.Attr{Set: set}} }

func TestMountFS(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	systest.MustDo(t, os.MkdirAll(root+"/keep", 0o1750))
	systest.MustDo(t, os.Chmod(root+"/keep", 0o1750|os.ModeSticky))
	for _, s := range []plan.MountFS{
		{Type: "proc", Source: "proc", Target: "/proc", Fallback: -1},
		{Type: "tmpfs", Source: "tmpfs", Target: "/new/deep", Params: []string{"mode=711"}, Options: attrs(unix.MOUNT_ATTR_NOEXEC), Fallback: -1},
		{Type: "tmpfs", Source: "tmpfs", Target: "/keep", Fallback: -1},
		{Type: "sysfs", Source: "sysfs", Target: "/sys", Options: attrs(unix.MOUNT_ATTR_RDONLY), Fallback: -1},
	} {
		if err := b.MountFS(&s); err != nil {
			t.Fatalf("%v: %v", &s, err)
		}
	}
	if fsType(t, root+"/proc") != unix.PROC_SUPER_MAGIC {
		t.Error("no procfs on /proc")
	}
	if flags := fsFlags(t, root+"/new/deep"); flags&unix.ST_NOEXEC == 0 {
		t.Errorf("flags of /new/deep: %#x", flags)
	}
	if flags := fsFlags(t, root+"/sys"); flags&unix.ST_RDONLY == 0 {
		t.Errorf("flags of /sys: %#x", flags)
	}
	for path, want := range map[string]os.FileMode{"/new/deep": 0o711, "/keep": 0o750 | os.ModeSticky} {
		if info, err := os.Stat(root + path); err != nil || info.Mode()&^os.ModeDir != want {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
	if err := b.MountFS(&plan.MountFS{Type: "nonsense", Target: "/x", Fallback: -1}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("error %v, want %v", err, unix.ENODEV)
	}
	// A mount of the pid namespace must not be spread over procfs.
	err := b.MountFS(&plan.MountFS{Type: "tmpfs", Source: "tmpfs", Target: "/proc/sys", Fallback: -1})
	if err == nil || !strings.Contains(err.Error(), "inside a procfs") {
		t.Errorf("error %v, want that it is inside a procfs", err)
	}
}

// TestSystemMountLinks: an image's /proc or /sys that is no directory is
// refused, and nothing is mounted or made (CVE-2019-19921, CVE-2023-27561,
// CVE-2025-54867).
func TestSystemMountLinks(t *testing.T) {
	if !alone(t) {
		return
	}
	for _, target := range []string{"/proc", "/sys"} {
		for name, make := range map[string]func(string) error{
			"symbolic link":  func(p string) error { return os.Symlink("/elsewhere", p) },
			"symbolic link ": func(p string) error { return os.Symlink("/missing", p) },
			"regular file":   func(p string) error { return os.WriteFile(p, nil, 0o644) },
			"fifo":           func(p string) error { return unix.Mkfifo(p, 0o644) },
		} {
			b, root := build(t)
			systest.MustDo(t, os.Mkdir(root+"/elsewhere", 0o755))
			systest.MustDo(t, make(root+target))
			kind := map[string]string{"/proc": "proc", "/sys": "sysfs"}[target]
			err := b.MountFS(&plan.MountFS{Type: kind, Source: kind, Target: target, Fallback: -1})
			if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)+": it must be a real directory") {
				t.Errorf("%s is a %s: error %v", target, name, err)
			}
			if fsType(t, root+"/elsewhere") == unix.PROC_SUPER_MAGIC {
				t.Errorf("%s was mounted where the link leads", target)
			}
			if _, err := os.Stat(root + "/missing"); err == nil {
				t.Error("the link's target was made")
			}
		}
	}
}

// TestProcTargets: whatever name leads there, nothing is mounted into a procfs
// but on the files for LXCFS (CVE-2019-16884).
func TestProcTargets(t *testing.T) {
	if !alone(t) {
		return
	}
	for target, allowed := range map[string]bool{
		"/proc/meminfo":             true,
		"/proc/uptime":              true,
		"/proc/self/attr/exec":      false,
		"/proc/sys/kernel/hostname": false,
		"/proc/sysrq-trigger":       false,
		"/link/meminfo":             false, // another name of an allowed file is not allowed
		"/link/sys/kernel/hostname": false,
		"/file":                     false,
	} {
		source := t.TempDir() + "/file"
		systest.MustDo(t, os.WriteFile(source, nil, 0o644))
		b, root := build(t, source)
		systest.MustDo(t, os.Symlink("/proc", root+"/link"))
		systest.MustDo(t, os.Symlink("proc/sys/kernel/hostname", root+"/file"))
		systest.MustDo(t, b.MountFS(&plan.MountFS{Type: "proc", Source: "proc", Target: "/proc", Fallback: -1}))
		err := b.Bind(&plan.Bind{Slot: 1, Source: source, Target: target})
		if (err == nil) != allowed {
			t.Errorf("%s: allowed %t, error %v", target, allowed, err)
		}
	}
}

func TestBind(t *testing.T) {
	if !alone(t) {
		return
	}
	src := t.TempDir()
	systest.MustDo(t, os.WriteFile(src+"/file", []byte("hello"), 0o644))
	systest.MustDo(t, os.Mkdir(src+"/dir", 0o755))
	b, root := build(t, src+"/dir", src+"/file", src+"/file", src+"/dir", src+"/file", src+"/dir", src+"/dir")
	systest.MustDo(t, os.Symlink("../../../../etc/made", root+"/dangling"))
	systest.MustDo(t, os.WriteFile(root+"/plain", nil, 0o644))

	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 1, Target: "/a/b", Options: attrs(unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID)}))
	if flags := fsFlags(t, root+"/a/b"); flags&unix.ST_RDONLY == 0 || flags&unix.ST_NOSUID == 0 {
		t.Errorf("flags %#x", flags)
	}
	if flags := fsFlags(t, src+"/dir"); flags&unix.ST_RDONLY != 0 {
		t.Error("the source became read-only")
	}
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 2, Target: "/x/file"}))
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 3, Target: "/dangling"}))
	for _, path := range []string{"/x/file", "/etc/made"} {
		if got, err := os.ReadFile(root + path); err != nil || string(got) != "hello" {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	if err := b.Bind(&plan.Bind{Slot: 4, Target: "/plain"}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("directory on file: %v, want %v", err, unix.ENOTDIR)
	}
	if err := b.Bind(&plan.Bind{Slot: 5, Target: "/a"}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("file on directory: %v, want %v", err, unix.ENOTDIR)
	}
	if err := b.Bind(&plan.Bind{Slot: 6, Source: "dir", Target: "/proc"}); err == nil || !strings.Contains(err.Error(), "only a procfs") {
		t.Errorf("bind on /proc: %v", err)
	}
	if err := b.Bind(&plan.Bind{Slot: 1, Target: "/again"}); err == nil {
		t.Error("a slot was used twice")
	}
	if err := b.Bind(&plan.Bind{Slot: 99, Target: "/again"}); err == nil {
		t.Error("a slot that is not there was used")
	}

	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 7, Target: "/later"}))
	systest.MustDo(t, b.Remount(&plan.Remount{Target: "/later", Options: attrs(unix.MOUNT_ATTR_RDONLY)}))
	if flags := fsFlags(t, root+"/later"); flags&unix.ST_RDONLY == 0 {
		t.Errorf("remounted: flags %#x", flags)
	}
	if err := b.Remount(&plan.Remount{Target: "/plain", Options: attrs(unix.MOUNT_ATTR_RDONLY)}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("remount of no mount: %v, want %v", err, unix.EINVAL)
	}
}

// TestPropagation: what is mounted in the container does not appear on the
// host, and where it is asked for, what the host mounts later appears inside.
func TestPropagation(t *testing.T) {
	if !alone(t) {
		return
	}
	systest.MustDo(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	src := t.TempDir()
	systest.MustDo(t, unix.Mount("tmpfs", src, "tmpfs", 0, ""))
	defer unix.Unmount(src, unix.MNT_DETACH)
	systest.MustDo(t, unix.Mount("", src, "", unix.MS_SHARED, ""))
	systest.MustDo(t, os.MkdirAll(src+"/in", 0o755))
	systest.MustDo(t, os.MkdirAll(src+"/out", 0o755))

	slaveTree, sharedTree := clone(t, src), clone(t, src)
	b, root := buildKeeping(t, src, slaveTree, sharedTree)
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 1, Target: "/slave", Options: plan.MountOptions{Propagation: []uint64{slave}}}))
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 2, Target: "/shared", Options: plan.MountOptions{Propagation: []uint64{unix.MS_SHARED}}}))

	systest.MustDo(t, unix.Mount("proc", src+"/in", "proc", 0, ""))
	systest.MustDo(t, unix.Mount("proc", root+"/slave/out", "proc", 0, ""))
	if fsType(t, root+"/slave/in") != unix.PROC_SUPER_MAGIC {
		t.Error("a slave did not get the host's mount")
	}
	if fsType(t, src+"/out") == unix.PROC_SUPER_MAGIC {
		t.Error("a slave's mount got to the host")
	}
	systest.MustDo(t, unix.Mount("proc", root+"/shared/out", "proc", 0, ""))
	if fsType(t, src+"/out") != unix.PROC_SUPER_MAGIC {
		t.Error("a shared mount's did not get to the host")
	}
}

// buildKeeping is build without making what is mounted on keep private.
func buildKeeping(t *testing.T, keep string, trees ...int) (*Builder, string) {
	t.Helper()
	top := t.TempDir()
	systest.MustDo(t, unix.Mount("tmpfs", top, "tmpfs", 0, ""))
	root := top + "/rootfs"
	systest.MustDo(t, os.Mkdir(root, 0o755))
	all := []plan.Tree{{FD: clone(t, root)}}
	for _, fd := range trees {
		all = append(all, plan.Tree{FD: fd})
	}
	b := new(Builder)
	b.Init(all)
	t.Chdir(root)
	systest.MustDo(t, b.AttachRoot(&plan.AttachRoot{Slot: 0, Propagation: slave}))
	t.Cleanup(func() {
		os.Chdir("/")
		unix.Unmount(top, unix.MNT_DETACH)
		unix.Unmount(keep, unix.MNT_DETACH)
	})
	return b, root
}

func TestMasks(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	for _, dir := range []string{"/one", "/two", "/ro/sub"} {
		systest.MustDo(t, os.MkdirAll(root+dir, 0o755))
		systest.MustDo(t, os.WriteFile(root+dir+"/secret", []byte("secret"), 0o644))
	}
	systest.MustDo(t, os.WriteFile(root+"/file", []byte("secret"), 0o644))
	systest.MustDo(t, os.Symlink("/one/secret", root+"/link"))
	for _, path := range []string{"/one", "/two", "/file", "/missing", "/file/x", "/missing/x"} {
		systest.MustDo(t, b.MaskPath(&plan.MaskPath{Path: path}))
	}
	for _, dir := range []string{"/one", "/two"} {
		if names, err := os.ReadDir(root + dir); err != nil || len(names) != 0 {
			t.Errorf("%s shows %v, %v", dir, names, err)
		}
		if err := os.WriteFile(root+dir+"/x", nil, 0o644); !errors.Is(err, unix.EROFS) {
			t.Errorf("write to %s: %v, want %v", dir, err, unix.EROFS)
		}
	}
	if data, err := os.ReadFile(root + "/file"); err != nil || len(data) != 0 {
		t.Errorf("/file shows %q, %v", data, err)
	}
	if _, err := os.Stat(root + "/missing"); err == nil {
		t.Error("a path that was not there was made to be masked")
	}

	systest.MustDo(t, unix.Mount("tmpfs", root+"/ro/sub", "tmpfs", 0, ""))
	systest.MustDo(t, b.ReadonlyPath(&plan.ReadonlyPath{Path: "/ro"}))
	systest.MustDo(t, b.ReadonlyPath(&plan.ReadonlyPath{Path: "/missing"}))
	for _, path := range []string{"/ro/x", "/ro/sub/x"} {
		if err := os.WriteFile(root+path, nil, 0o644); !errors.Is(err, unix.EROFS) {
			t.Errorf("write to %s: %v, want %v", path, err, unix.EROFS)
		}
	}
	systest.MustDo(t, os.WriteFile(root+"/writable", nil, 0o644))
}

// TestMaskNull: a /dev/null that is none masks nothing (CVE-2025-31133).
func TestMaskNull(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	systest.MustDo(t, os.WriteFile(root+"/file", []byte("secret"), 0o644))
	systest.MustDo(t, unix.Mount("tmpfs", "/dev", "tmpfs", 0, ""))
	systest.MustDo(t, os.Symlink("/proc/sysrq-trigger", "/dev/null"))
	if err := b.MaskPath(&plan.MaskPath{Path: "/file"}); err == nil {
		t.Error("masked with what is not /dev/null")
	}
}

func TestDevices(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t, "/dev/null", "/dev/zero")
	probe := root + "/probe"
	if err := unix.Mknod(probe, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
		t.Skipf("SKIP: no devices can be made here: %v", err)
	}
	unix.Umask(0) // as init's
	device := func(path string, major, minor int64, slot int) *plan.MakeDevice {
		return &plan.MakeDevice{Node: plan.Node{Path: path, Type: "c", Major: major, Minor: minor, Mode: 0o666, Slot: slot}}
	}
	check := func(path string, minor uint32) {
		t.Helper()
		var st unix.Stat_t
		systest.MustDo(t, unix.Lstat(root+path, &st))
		if st.Mode != unix.S_IFCHR|0o666 || st.Rdev != unix.Mkdev(1, minor) {
			t.Errorf("%s: mode %o, number %d:%d", path, st.Mode, unix.Major(st.Rdev), unix.Minor(st.Rdev))
		}
	}
	systest.MustDo(t, b.MakeDevice(device("/dev/full", 1, 7, -1)))
	check("/dev/full", 7)
	systest.MustDo(t, b.MakeDevice(device("/dev/full", 1, 7, -1))) // it is there already
	systest.MustDo(t, b.MakeDevice(device("/dev/null", 1, 3, 1)))
	check("/dev/null", 3)
	if err := b.MakeDevice(device("/dev/wrong", 1, 3, 2)); err == nil || !strings.Contains(err.Error(), "number is 1:5") {
		t.Errorf("zero as null: %v", err)
	}
	owned := &plan.MakeDevice{Node: plan.Node{Path: "/dev/fifo", Type: "p", Mode: 0o640, UID: 12, GID: 34, Slot: -1}}
	systest.MustDo(t, b.MakeDevice(owned))
	var st unix.Stat_t
	systest.MustDo(t, unix.Lstat(root+"/dev/fifo", &st))
	if st.Mode != unix.S_IFIFO|0o640 || st.Uid != 12 || st.Gid != 34 {
		t.Errorf("fifo: mode %o, owner %d:%d", st.Mode, st.Uid, st.Gid)
	}
	if err := b.MakeDevice(device("/dev/fifo", 1, 3, -1)); err == nil {
		t.Error("a fifo passed for a device")
	}
	if err := b.MakeDevice(&plan.MakeDevice{Node: plan.Node{Path: "/dev/x", Type: "z", Slot: -1}}); err == nil {
		t.Error("a device of type z was made")
	}

	// CVE-2026-41579, CVE-2026-47766: links lead nowhere but into the root.
	outside := filepath.Dir(root) + "/outside"
	systest.MustDo(t, os.Mkdir(outside, 0o755))
	systest.MustDo(t, os.Symlink("../../outside", root+"/evil"))
	systest.MustDo(t, b.MakeDevice(device("/evil/null", 1, 3, -1)))
	check("/outside/null", 3)
	systest.MustDo(t, os.Symlink(outside+"/null", root+"/dev/link"))
	if err := b.MakeDevice(device("/dev/link", 1, 3, -1)); err == nil {
		t.Error("a link passed for a device")
	}
	if names, _ := os.ReadDir(outside); len(names) != 0 {
		t.Errorf("outside holds %v", names)
	}

	systest.MustDo(t, b.MakeSymlink(&plan.MakeSymlink{Target: "/proc/self/fd", Path: "/dev/fd"}))
	systest.MustDo(t, b.MakeSymlink(&plan.MakeSymlink{Target: "elsewhere", Path: "/dev/full"}))
	if got, _ := os.Readlink(root + "/dev/fd"); got != "/proc/self/fd" {
		t.Errorf("/dev/fd leads to %q", got)
	}
	check("/dev/full", 7) // replaced by nothing

	systest.MustDo(t, b.MakeDir(&plan.MakeDir{Path: "/work/deep"}))
	systest.MustDo(t, b.Remount(&plan.Remount{Target: "/", Options: attrs(unix.MOUNT_ATTR_RDONLY)}))
	systest.MustDo(t, b.MakeDir(&plan.MakeDir{Path: "/work/deep"}))
	systest.MustDo(t, b.MakeDir(&plan.MakeDir{Path: "/cannot/be"}))
}

func TestPivotRoot(t *testing.T) {
	testSwitch(t, func(b *Builder) error {
		proc, err := sys.PrivateProc()
		systest.MustDo(t, err)
		systest.MustDo(t, b.SetPropagation(&plan.SetPropagation{Flags: unix.MS_SLAVE | unix.MS_REC}))
		if err := b.PivotRoot(-1, proc.FD()); err != nil {
			return err
		}
		if _, err := proc.Read("version"); err != nil {
			t.Errorf("the detached procfs can't be used any more: %v", err)
		}
		// One that was left out could still be attached.
		if err := sys.AttachMount(proc.FD(), b.Root()); !errors.Is(err, unix.EINVAL) {
			t.Errorf("it did not go with the old root: move_mount says %v", err)
		}
		proc.Close()
		return nil
	})
}

func TestMoveRoot(t *testing.T) { testSwitch(t, (*Builder).MoveRoot) }

// testSwitch changes the root and looks for ways back.
func testSwitch(t *testing.T, change func(*Builder) error) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	systest.MustDo(t, os.WriteFile(root+"/inside", []byte("inside"), 0o644))
	systest.MustDo(t, b.MountFS(&plan.MountFS{Type: "proc", Source: "proc", Target: "/proc", Fallback: -1}))
	systest.MustDo(t, change(b))
	if got, err := os.ReadFile("/inside"); err != nil || string(got) != "inside" {
		t.Errorf("/inside holds %q, %v", got, err)
	}
	if cwd, err := os.Getwd(); err != nil || cwd != "/" {
		t.Errorf("working directory %q, %v", cwd, err)
	}
	for _, path := range []string{"/usr", "/../usr", root, "/proc/1/root/usr"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is there", path)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	systest.MustDo(t, err)
	if n := strings.Count(string(mounts), "\n"); n != 2 {
		t.Errorf("%d mounts are to be seen, want 2:\n%s", n, mounts)
	}
	systest.MustDo(t, b.SetRoot(&plan.SetRoot{Readonly: true, Propagation: unix.MS_SHARED}))
	if err := os.WriteFile("/x", nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to a read-only root: %v", err)
	}
	mounts, err = os.ReadFile("/proc/self/mountinfo")
	systest.MustDo(t, err)
	if first, _, _ := strings.Cut(string(mounts), "\n"); !strings.Contains(first, " shared:") {
		t.Errorf("the root is not shared: %s", first)
	}
	os.Exit(0) // nothing is left to clean up: the temporary directories are gone
}
