package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestCheckRestored: mounts are compared by what they are of.
func TestCheckRestored(t *testing.T) {
	mount := func(point, root, options string) proc.Mount {
		return proc.Mount{Device: "8:1", Root: root, Point: point, Options: options}
	}
	ro := stagedMount{ImageMount: plan.ImageMount{Point: "/ro"}, field: "mounts[0]", attr: unix.MOUNT_ATTR_RDONLY, device: "8:1", root: "/a"}
	rw := stagedMount{ImageMount: plan.ImageMount{Point: "/rw"}, field: "mounts[1]", device: "8:1", root: "/b"}
	same := rw
	same.root = "/a"
	for _, c := range []struct {
		name   string
		staged []stagedMount
		mounts []proc.Mount
		want   string
	}{
		{"as they were", []stagedMount{ro, rw}, []proc.Mount{mount("/ro", "/a", "ro"), mount("/rw", "/b", "rw")}, ""},
		{"swapped", []stagedMount{ro, rw}, []proc.Mount{mount("/ro", "/b", "ro"), mount("/rw", "/a", "rw")}, "not ro"},
		{"writable", []stagedMount{ro}, []proc.Mount{mount("/ro", "/a", "rw")}, "not ro"},
		{"writable elsewhere", []stagedMount{ro}, []proc.Mount{mount("/ro", "/a", "ro"), mount("/else", "/a", "rw")}, "not ro"},
		{"missing", []stagedMount{ro}, nil, "did not come back"},
		{"led elsewhere", []stagedMount{rw}, []proc.Mount{mount("/else", "/b", "rw")}, "did not come back"},
		{"another filesystem", []stagedMount{rw}, []proc.Mount{{Device: "8:2", Root: "/b", Point: "/rw"}}, "did not come back"},
		{"one source, twice", []stagedMount{ro, same}, []proc.Mount{mount("/ro", "/a", "ro"), mount("/rw", "/a", "rw")}, ""},
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
	mounts := []plan.ImageMount{
		{ID: "mount-0", Kind: plan.ExternalBind, Target: "/data", Point: "/real/\"data\n"},
		{ID: "mount-1", Kind: plan.ExternalMask, Target: "/proc/keys", Point: "/proc/keys"},
	}
	// What is there is replaced, not written through.
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	systest.MustDo(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
	systest.MustDo(t, os.Symlink(elsewhere, filepath.Join(dir, mountsName)))
	systest.MustDo(t, writeImage(openDir(t, dir), streams, mounts))
	if text, err := os.ReadFile(elsewhere); err != nil || string(text) != "mine" {
		t.Errorf("the link was followed: %q, %v", text, err)
	}
	got, err := ReadImage(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Streams, streams) || !slices.Equal(got.Mounts, mounts) {
		t.Errorf("got %+v", got)
	}
	if _, err := ReadImage(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not the image of a checkpoint") {
		t.Errorf("an empty directory: %v", err)
	}
}

// openDir opens a directory until the end of the test.
func openDir(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestImageMoved: a link that takes the place of the image's directory leads
// nothing elsewhere.
func TestImageMoved(t *testing.T) {
	top, elsewhere := t.TempDir(), t.TempDir()
	systest.MustDo(t, os.Mkdir(top+"/image", 0o700))
	image := openDir(t, top+"/image")
	systest.MustDo(t, os.Rename(top+"/image", top+"/moved"))
	systest.MustDo(t, os.Symlink(elsewhere, top+"/image"))
	systest.MustDo(t, os.WriteFile(elsewhere+"/"+limitsName, []byte("mine"), 0o600))
	root := t.TempDir()
	dir, err := state.Create(root, "x")
	systest.MustDo(t, err)
	t.Cleanup(func() { dir.Close() })
	d := &dump{Container: libcontainer.Of(resource.Of(dir, nil)), o: &DumpOptions{ImageOptions: ImageOptions{Image: top + "/image"}}}
	d.request.ImagesDir = image
	systest.MustDo(t, writeImage(image, nil, nil))
	systest.MustDo(t, d.keepLimits())
	if text, err := os.ReadFile(elsewhere + "/" + limitsName); err != nil || string(text) != "mine" {
		t.Errorf("a file elsewhere: %q, %v", text, err)
	}
	if _, err := os.Lstat(elsewhere + "/" + descriptorsName); err == nil {
		t.Error("a file was made elsewhere")
	}
	if _, err := ReadImage(top + "/moved"); err != nil {
		t.Error(err)
	}
}

// TestImageIDs: no name but those that a dump gives comes to CRIU.
func TestImageIDs(t *testing.T) {
	dir := t.TempDir()
	for id, ok := range map[string]bool{
		"mount-0": true, "mount-12": true, "mount-": false, "": false, "mount-1]:": false, "mount-1\n": false, "mount-٣": false, "cgroup": false,
	} {
		systest.MustDo(t, writeImage(openDir(t, dir), nil, []plan.ImageMount{{ID: id, Kind: plan.ExternalBind, Target: "/a", Point: "/a"}}))
		if _, err := ReadImage(dir); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "external-mounts.json: mounts[0].id: ") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestHandOver: an image is given away with those that it stands on, and nothing
// else that it may call its parent.
func TestHandOver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give directories away")
	}
	const user = 4321
	for name, c := range map[string]struct {
		link  string
		owner int // of the other image
		want  string
	}{
		"none":          {"", 0, ""},
		"sibling":       {"../other", 0, ""},
		"of the owner":  {"../other", 1234, ""},
		"absolute":      {"/other", 0, "expected a relative link"},
		"over a link":   {"../link", 0, "too many levels of symbolic links"},
		"a stranger's":  {"../other", 1235, "belongs to user 1235"},
		"no image":      {"..", 0, "the parent image was not written by crun-go"},
		"missing":       {"../none", 0, "no such file or directory"},
		"image of ours": {"../other/../other", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(systest.Descriptors(t))
			top := t.TempDir()
			for _, dir := range []string{"image", "other"} {
				systest.MustDo(t, os.Mkdir(filepath.Join(top, dir), 0o700))
				image := openDir(t, filepath.Join(top, dir))
				systest.MustDo(t, writeImage(image, nil, nil))
			}
			systest.MustDo(t, os.Symlink("other", filepath.Join(top, "link")))
			systest.MustDo(t, os.Chown(filepath.Join(top, "other"), c.owner, 0))
			if c.link != "" {
				systest.MustDo(t, os.Symlink(c.link, filepath.Join(top, "image", "parent")))
			}
			image, err := unix.Open(filepath.Join(top, "image"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			systest.MustDo(t, err)
			defer unix.Close(image)
			err = handOverChain(image, 1234, user, user)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			var st unix.Stat_t
			systest.MustDo(t, unix.Stat(filepath.Join(top, "other"), &st))
			if given := st.Uid == user; given != (c.want == "" && c.link != "") {
				t.Errorf("the other image belongs to user %d", st.Uid)
			}
		})
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
