package rootfs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestNoAllocation: the steps need no more memory than there is, and no descriptor
// stays.
func TestNoAllocation(t *testing.T) {
	if !alone(t) {
		return
	}
	source := t.TempDir()
	aLink := source + "/link"
	systest.MustDo(t, os.Symlink("there", aLink))
	b, root := build(t)
	for _, dir := range []string{"/masked", "/readonly"} {
		systest.MustDo(t, os.Mkdir(root+dir, 0o755))
	}
	systest.MustDo(t, os.WriteFile(root+"/file", nil, 0o644))
	b.Take(make([]plan.Tree, 2))
	options := attrs(unix.MOUNT_ATTR_NOSUID)
	options.Propagation = []uint64{unix.MS_PRIVATE}
	tmpfs := plan.MountFS{Type: "tmpfs", Source: "tmpfs", Target: "/new/tmpfs", Params: []string{"size=64k"}, Options: options, Fallback: -1, Keep: 3}
	bind := plan.Bind{Slot: 1, Source: source, Target: "/new/bind", Options: options}
	link := plan.Bind{Slot: 2, Source: source, Target: "/new/link", CopyLink: true}
	remount := plan.Remount{Target: "/new/tmpfs", Kept: 3, Params: []string{"size=1m"}, Options: options}
	byPath := plan.Remount{Target: "/new/bind", Options: options}
	fifo := plan.MakeDevice{Node: plan.Node{Path: "/new/fifo", Type: "p", Mode: 0o600, Slot: -1}}
	symlink := plan.MakeSymlink{Target: "a", Path: "/new/symlink"}
	dir := plan.MakeDir{Path: "/new/dir"}
	maskDir, maskFile := plan.MaskPath{Path: "/masked"}, plan.MaskPath{Path: "/file"}
	readonly := plan.ReadonlyPath{Path: "/readonly"}
	var failed error
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	steps := func() {
		b.trees[0] = plan.Tree{FD: -1, Path: source, Recursive: true}
		b.trees[1] = plan.Tree{FD: -1, Path: aLink}
		note(b.MountFS(&tmpfs))
		note(b.Bind(&bind))
		note(b.Bind(&link))
		note(b.Remount(&remount))
		note(b.Remount(&byPath))
		note(b.MakeDevice(&fifo))
		note(b.MakeSymlink(&symlink))
		note(b.MakeDir(&dir))
		note(b.MaskPath(&maskDir))
		note(b.MaskPath(&maskFile))
		note(b.ReadonlyPath(&readonly))
	}
	steps()
	systest.MustDo(t, failed)
	check := systest.Descriptors(t)
	if n := testing.AllocsPerRun(3, steps); n > 0 || failed != nil {
		t.Errorf("%v allocations, %v", n, failed)
	}
	check()
	proc, err := unix.Open("/proc/thread-self", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(proc)
	b.live.exists, b.live.proc = true, proc
	if n := testing.AllocsPerRun(3, func() {
		b.trees[0] = plan.Tree{FD: -1, Path: source}
		note(b.Bind(&bind))
		note(b.MountFS(&tmpfs))
		_, err := b.Changed()
		note(err)
		note(b.Undo())
	}); n > 0 || failed != nil {
		t.Errorf("in a container that exists: %v allocations, %v", n, failed)
	}
}

// TestTooMany: what there is no room for is refused before it is mounted.
func TestTooMany(t *testing.T) {
	if !alone(t) {
		return
	}
	b, root := build(t)
	tmpfs := plan.MountFS{Type: "tmpfs", Source: "tmpfs", Target: "/t", Fallback: -1, Keep: maxKept + 1}
	if err := b.MountFS(&tmpfs); err == nil || err.Error() != "more than 256 filesystems to be remounted: argument list too long" {
		t.Errorf("too many to be kept: %v", err)
	}
	b.live.exists, b.live.attached.count = true, maxMounts
	tmpfs.Keep = 0
	if err := b.MountFS(&tmpfs); err == nil || err.Error() != "more than 512 mounts at once: argument list too long" {
		t.Errorf("too many to be taken back: %v", err)
	}
	if fsType(t, root+"/t") != fsType(t, root) {
		t.Error("mounted all the same")
	}
	b.live.attached.count = 0
}
