package rootfs

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

func TestViewMounts(t *testing.T) {
	info := `22 1 0:21 / /proc rw - proc proc rw
23 1 0:22 / /sys rw shared:7 - sysfs sysfs rw
24 1 0:23 / /srv/c/proc rw - proc proc rw
25 1 0:24 / /srv/c rw - tmpfs tmpfs rw
26 1 0:25 / /srv/cc/proc rw - proc proc rw
27 1 0:26 / /a\040b\134c/proc rw master:1 propagate_from:2 - proc proc rw
28 1 0:27 / /home/proc rw - ext4 /dev/proc rw
broken line
29 1 - proc
`
	var v views
	v.rootLen = copy(v.root[:], "/srv/c")
	for _, want := range []string{`/a b\c/proc`, "/srv/cc/proc", "/sys", "/proc", ""} {
		for cut := range len(info) {
			v.found, v.point = 0, raw.Text{}
			v.line.begin()
			v.read([]byte(info[:cut]))
			v.read([]byte(info[cut:]))
			if v.point.String() != want {
				t.Fatalf("found %q, want %q", v.point.String(), want)
			}
		}
		v.done[v.count] = int32(v.found)
		v.count++
	}
}

// TestHideLocked: what a user namespace has locked is covered, the container's own
// procfs is not.
func TestHideLocked(t *testing.T) {
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	if !aloneIn(t, &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET,
		UidMappings: ids, GidMappings: ids,
	}) {
		return
	}
	b, root := build(t)
	systest.MustDo(t, b.MountFS(&plan.MountFS{Type: "proc", Source: "proc", Target: "/proc", Fallback: -1}))
	if fsType(t, "/proc") != unix.PROC_SUPER_MAGIC || unix.Unmount("/proc", unix.MNT_DETACH) == nil {
		t.Fatal("the procfs is not locked")
	}
	systest.MustDo(t, hideHostViews(b.root))
	for _, path := range []string{"/proc", "/sys"} {
		if fsType(t, path) != unix.TMPFS_MAGIC {
			t.Errorf("%s is to be seen", path)
		}
	}
	if _, err := os.Stat(root + "/proc/self"); err != nil {
		t.Errorf("the container's procfs: %v", err)
	}
}
