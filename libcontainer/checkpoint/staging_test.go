package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestMountPoints: what is missing is made in the tree that it is in, as a file
// or directory, and nowhere if that is read-only.
func TestMountPoints(t *testing.T) {
	t.Cleanup(systest.Descriptors(t))
	root, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	systest.MustDo(t, os.WriteFile(file, nil, 0o644))
	systest.MustDo(t, os.Symlink("/real", filepath.Join(root, "link")))
	systest.MustDo(t, os.Mkdir(filepath.Join(root, "real"), 0o755))
	like, err := unix.Open(file, unix.O_PATH, 0)
	systest.MustDo(t, err)
	t.Cleanup(func() { unix.Close(like) })
	c := &stage{sources: new(sources.Set)}
	c.sources.Trees = []plan.Tree{{FD: openDir(t, root)}, {FD: like}, {FD: -1}}
	for _, s := range []*plan.MakeMountPoint{
		{Tree: 0, Rest: "/a/b", Like: -1}, {Tree: 0, Rest: "/a/c", Like: 0}, {Tree: 0, Rest: "/d/e", Like: 1},
		{Tree: 0, Rest: "/link/f", Like: -1}, {Tree: 0, Rest: "/a/b", Readonly: true, Like: -1},
	} {
		systest.MustDo(t, c.makeMountPoint(s))
	}
	for path, isDir := range map[string]bool{"a/b": true, "a/c": true, "d/e": false, "real/f": true} {
		if st, err := os.Lstat(filepath.Join(root, path)); err != nil || st.IsDir() != isDir {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := c.makeMountPoint(&plan.MakeMountPoint{Path: "/v/x", Tree: 0, Rest: "/x", Readonly: true, Like: -1}); !errors.Is(err, unix.EROFS) {
		t.Errorf("in a read-only tree: %v", err)
	}
	if err := c.makeMountPoint(&plan.MakeMountPoint{Tree: 2, Rest: "/x", Like: -1}); err == nil {
		t.Error("made in a tree that is not open")
	}
}

// TestOpenInTree: a path is looked up in the tree, and takes its slot.
func TestOpenInTree(t *testing.T) {
	root := t.TempDir()
	systest.MustDo(t, os.Mkdir(filepath.Join(root, "a"), 0o755))
	systest.MustDo(t, os.Symlink("/a", filepath.Join(root, "link")))
	c := &stage{sources: new(sources.Set)}
	c.sources.Trees = []plan.Tree{{FD: openDir(t, root)}}
	systest.MustDo(t, c.openInTree(&plan.OpenInTree{Slot: 3, Tree: 0, Rest: "/link"}))
	defer unix.Close(c.sources.Trees[3].FD)
	want, err := os.Stat(filepath.Join(root, "a"))
	systest.MustDo(t, err)
	got, err := os.Stat("/proc/self/fd/" + strconv.Itoa(c.sources.Trees[3].FD))
	systest.MustDo(t, err)
	if !os.SameFile(got, want) {
		t.Error("another directory was opened")
	}
}
