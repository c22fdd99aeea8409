package libcontainer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestExternals(t *testing.T) {
	bind := &plan.Bind{Target: "/data", Slot: 3}
	steps := []plan.Item{
		{Field: "mounts[0]", Step: &plan.MountFS{Type: "proc", Target: "/proc"}},
		{Field: "mounts[1]", Step: &plan.MountFS{Type: "cgroup2", Target: "/sys/fs/cgroup"}},
		{Field: "mounts[2]", Step: bind},
		{Field: "linux.maskedPaths[0]", Step: &plan.MaskPath{Path: "/proc/keys"}},
		{Field: "linux.devices[0]", Step: &plan.MakeDevice{Path: "/dev/null", Slot: -1}},
		{Field: "linux.devices[1]", Step: &plan.MakeDevice{Path: "/dev/zero", Slot: 4}},
	}
	names := func(p *plan.Plan) string {
		var list []string
		for _, e := range externals(p) {
			list = append(list, e.kind+" "+e.target)
		}
		return strings.Join(list, ", ")
	}
	if got := names(&plan.Plan{Init: steps}); got != "cgroup /sys/fs/cgroup, bind /data, mask /proc/keys, device /dev/zero" {
		t.Errorf("the host's cgroups: %s", got)
	}
	own := append([]plan.Item{{Step: &plan.UnshareCgroup{}}}, steps...)
	if got := names(&plan.Plan{Init: own}); got != "bind /data, mask /proc/keys, device /dev/zero" {
		t.Errorf("cgroups of its own: %s", got)
	}
}

// TestCheckRestored: mounts are compared by what they are of.
func TestCheckRestored(t *testing.T) {
	mount := func(point, root, options string) mountEntry {
		return mountEntry{device: "8:1", root: root, point: point, options: options}
	}
	ro := stagedMount{externalMount: externalMount{Point: "/ro"}, field: "mounts[0]", attr: unix.MOUNT_ATTR_RDONLY, device: "8:1", root: "/a"}
	rw := stagedMount{externalMount: externalMount{Point: "/rw"}, field: "mounts[1]", device: "8:1", root: "/b"}
	same := rw
	same.root = "/a"
	for _, c := range []struct {
		name   string
		staged []stagedMount
		mounts []mountEntry
		want   string
	}{
		{"as they were", []stagedMount{ro, rw}, []mountEntry{mount("/ro", "/a", "ro"), mount("/rw", "/b", "rw")}, ""},
		{"swapped", []stagedMount{ro, rw}, []mountEntry{mount("/ro", "/b", "ro"), mount("/rw", "/a", "rw")}, "not ro"},
		{"writable", []stagedMount{ro}, []mountEntry{mount("/ro", "/a", "rw")}, "not ro"},
		{"writable elsewhere", []stagedMount{ro}, []mountEntry{mount("/ro", "/a", "ro"), mount("/else", "/a", "rw")}, "not ro"},
		{"missing", []stagedMount{ro}, nil, "did not come back"},
		{"led elsewhere", []stagedMount{rw}, []mountEntry{mount("/else", "/b", "rw")}, "did not come back"},
		{"another filesystem", []stagedMount{rw}, []mountEntry{{device: "8:2", root: "/b", point: "/rw"}}, "did not come back"},
		{"one source, twice", []stagedMount{ro, same}, []mountEntry{mount("/ro", "/a", "ro"), mount("/rw", "/a", "rw")}, ""},
	} {
		err := checkRestored(c.staged, c.mounts)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestImageFiles(t *testing.T) {
	t.Cleanup(systest.Descriptors(t))
	dir := t.TempDir()
	streams := []string{"pipe:[1]", "", "file[1a:2b]"}
	mounts := []externalMount{{"mount-0", externalBind, "/data", "/real/\"data\n"}, {"mount-1", externalMask, "/proc/keys", "/proc/keys"}}
	// What is there is replaced, not written through.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	systest.MustDo(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
	systest.MustDo(t, os.Symlink(elsewhere, filepath.Join(dir, mountsName)))
	systest.MustDo(t, writeImage(dir, streams, mounts))
	if text, err := os.ReadFile(elsewhere); err != nil || string(text) != "mine" {
		t.Errorf("the link was followed: %q, %v", text, err)
	}
	gotStreams, gotMounts, err := readImage(dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(gotStreams, " ") != strings.Join(streams, " ") || len(gotMounts) != 2 || gotMounts[0] != mounts[0] || gotMounts[1] != mounts[1] {
		t.Errorf("got %q %q", gotStreams, gotMounts)
	}
	if _, _, err := readImage(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not the image of a checkpoint") {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestClosedAbove(t *testing.T) {
	dir := t.TempDir()
	top, err := filepath.EvalSymlinks(dir)
	systest.MustDo(t, err)
	path := filepath.Join(top, "open", "closed", "below", "id")
	systest.MustDo(t, os.MkdirAll(path, 0o711))
	systest.MustDo(t, os.Chmod(filepath.Join(top, "open", "closed"), 0o700))
	at, rest, err := closedAbove(path)
	systest.MustDo(t, err)
	// The temporary directory itself may be closed already.
	if at+"/"+rest != path || rest == "" || len(at) > len(filepath.Join(top, "open", "closed")) {
		t.Errorf("%q and %q, want the first closed directory of %q", at, rest, path)
	}
	if at, rest, err := closedAbove("/proc/sys"); err != nil || at != "/proc/sys" || rest != "" {
		t.Errorf("%q %q %v, want the whole path", at, rest, err)
	}
}
