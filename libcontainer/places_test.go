package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// restored is a restoration of a container with a root filesystem and one volume.
func restored(t *testing.T, steps ...plan.InitStep) (c *restoration, root, volume string) {
	t.Helper()
	root, volume = t.TempDir(), t.TempDir()
	c = &restoration{creation: newCreation(&blueprint{plan: new(plan.Plan)}, new(Options))}
	c.sources.trees = []plan.Tree{{FD: openDir(t, root)}, {FD: openDir(t, volume)}}
	for _, s := range steps {
		c.plan.Init = append(c.plan.Init, plan.Item{Field: "mounts[0]", Step: s})
	}
	t.Cleanup(func() {
		for _, fd := range c.opened {
			unix.Close(fd)
		}
	})
	return c, root, volume
}

// TestMountPoints: what the first start has made in the root filesystem and in
// volumes is made again.
func TestMountPoints(t *testing.T) {
	ro := plan.MountOptions{Attr: plan.Attr{Set: unix.MOUNT_ATTR_RDONLY}}
	volume := &plan.Bind{Slot: 1, Target: "/v"}
	for name, tt := range map[string]struct {
		steps  []plan.InitStep
		root   string // is there then
		volume string
		none   string // is not there, in the root filesystem
	}{
		"in the root":         {[]plan.InitStep{volume}, "v", "", ""},
		"in a volume":         {[]plan.InitStep{volume, &plan.Bind{Slot: 1, Target: "/v/a/b"}}, "v", "a/b", "v/a"},
		"a typed one":         {[]plan.InitStep{volume, &plan.MountFS{Target: "/v/a"}}, "v", "a", "v/a"},
		"in a tmpfs":          {[]plan.InitStep{&plan.MountFS{Target: "/t"}, &plan.Bind{Slot: 1, Target: "/t/a"}}, "t", "", "t/a"},
		"before the volume":   {[]plan.InitStep{&plan.Bind{Slot: 1, Target: "/v/a"}, volume}, "v/a", "", ""},
		"no part of its name": {[]plan.InitStep{volume, &plan.Bind{Slot: 1, Target: "/va"}}, "va", "", ""},
		"over all":            {[]plan.InitStep{&plan.Bind{Slot: 1, Target: "/"}, &plan.MountFS{Target: "/a"}}, "", "a", "a"},
		"in one of the container's own": {
			[]plan.InitStep{volume, &plan.MountFS{Target: "/v/a"}, &plan.OpenInRoot{Path: "/v"}, &plan.Bind{Slot: -1, Target: "/w"}, &plan.MountFS{Target: "/w/x"}},
			"w", "x", "w/x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, root, volume := restored(t, tt.steps...)
			systest.MustDo(t, c.makeMountPoints(c.sources.trees[0].FD))
			for _, path := range []string{filepath.Join(root, tt.root), filepath.Join(volume, tt.volume)} {
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
			}
			if _, err := os.Stat(filepath.Join(root, tt.none)); tt.none != "" && err == nil {
				t.Errorf("%s was made in the root filesystem", tt.none)
			}
		})
	}
	c, _, dir := restored(t, &plan.Bind{Slot: 1, Target: "/v", Options: ro}, &plan.MountFS{Target: "/v/a"})
	err := c.makeMountPoints(c.sources.trees[0].FD)
	var step *plan.StepError
	if !errors.Is(err, unix.EROFS) || !errors.As(err, &step) || step.Item.Step != plan.Step(c.plan.Init[len(c.plan.Init)-1].Step) {
		t.Errorf("in a read-only volume: %v, want EROFS at the step", err)
	}
	systest.MustDo(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	systest.MustDo(t, c.makeMountPoints(c.sources.trees[0].FD))
}

// TestSourceInRoot: one that is in a volume is found there, one in what CRIU fills is not.
func TestSourceInRoot(t *testing.T) {
	source := &plan.OpenInRoot{Path: "/v/a"}
	c, _, volume := restored(t, &plan.Bind{Slot: 1, Target: "/v"}, source, &plan.Bind{Slot: -1, Target: "/w"})
	systest.MustDo(t, os.Mkdir(filepath.Join(volume, "a"), 0o755))
	systest.MustDo(t, c.makeMountPoints(c.sources.trees[0].FD))
	want, err := os.Stat(filepath.Join(volume, "a"))
	systest.MustDo(t, err)
	got, err := os.Stat("/proc/self/fd/" + strconv.Itoa(c.opened[source]))
	systest.MustDo(t, err)
	if !os.SameFile(got, want) {
		t.Error("another directory was opened")
	}
	c, _, _ = restored(t, &plan.MountFS{Target: "/v"}, source, &plan.Bind{Slot: -1, Target: "/w"})
	if err := c.makeMountPoints(c.sources.trees[0].FD); err == nil {
		t.Error("a source in a filesystem that is still empty was opened")
	}
}
