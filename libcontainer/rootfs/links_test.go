package rootfs

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestLinks: what becomes of symbolic links at both ends of a bind mount.
func TestLinks(t *testing.T) {
	if !alone(t) {
		return
	}
	src := t.TempDir()
	systest.MustDo(t, os.Symlink("/where/ever", src+"/link"))
	systest.MustDo(t, os.WriteFile(src+"/file", []byte("file"), 0o644))
	systest.MustDo(t, os.Mkdir(src+"/dir", 0o755))
	b, root := build(t, src+"/file", src+"/file", src+"/dir")
	for range 6 {
		fd, err := sys.CloneTree(unix.AT_FDCWD, src+"/link", unix.AT_SYMLINK_NOFOLLOW)
		systest.MustDo(t, err)
		b.trees = append(b.trees, plan.Tree{FD: fd})
	}
	systest.MustDo(t, os.Symlink("there", root+"/onlink"))
	systest.MustDo(t, os.WriteFile(root+"/there", []byte("there"), 0o644))
	noFollow := plan.MountOptions{NoFollow: true}

	// dest-nofollow: the link itself is covered, and not what it leads to.
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 1, Target: "/onlink", Options: noFollow}))
	for path, want := range map[string]string{"/onlink": "file", "/there": "there"} {
		if got, err := os.ReadFile(root + path); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", path, got, err)
		}
	}
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 2, Target: "/new/file", Options: noFollow}))
	systest.MustDo(t, os.Symlink("there", root+"/dirlink"))
	if err := b.Bind(&plan.Bind{Slot: 3, Target: "/dirlink", Options: noFollow}); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("directory on a link: %v, want %v", err, unix.ENOTDIR)
	}
	err := b.MountFS(&plan.MountFS{Type: "tmpfs", Source: "tmpfs", Target: "/dirlink", Options: noFollow, Fallback: -1})
	if !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("tmpfs on a link: %v, want %v", err, unix.ENOTDIR)
	}

	// src-nofollow: the mount is a link.
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 4, Target: "/mounted"}))
	// copy-symlink: nothing is mounted, and the same link may be there.
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 5, Target: "/new/copy", CopyLink: true}))
	systest.MustDo(t, b.Bind(&plan.Bind{Slot: 6, Target: "/new/copy", CopyLink: true}))
	for _, path := range []string{"/mounted", "/new/copy"} {
		if got, err := os.Readlink(root + path); err != nil || got != "/where/ever" {
			t.Errorf("%s leads to %q, %v", path, got, err)
		}
	}
	if err := unix.Unmount(root+"/new/copy", unix.UMOUNT_NOFOLLOW); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a copy is mounted: %v", err)
	}
	for slot, path := range map[int]string{7: "/dirlink", 8: "/there"} {
		if err := b.Bind(&plan.Bind{Slot: slot, Target: path, CopyLink: true}); !errors.Is(err, unix.EEXIST) {
			t.Errorf("copy on %s: %v, want %v", path, err, unix.EEXIST)
		}
	}
}
