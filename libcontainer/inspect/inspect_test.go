package inspect

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
)

// TestSame: what the kernel only writes in another way does not differ, and everything else does.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		same      func(asked, is string) bool
		asked, is string
		want      bool
	}{
		{sameText, "100", "50", false},
		{sameBytes, "100000", "98304", true},
		{sameBytes, "1048576", "524288", false},
		{sameBytes, "1048576", "1052672", false},
		{sameBytes, "max", "1048576", false},
		{sameSet, "0,1", "0-1", true},
		{sameSet, "2,0-1,1", "0-2", true},
		{sameSet, "0-1", "0", false},
		{sameSet, "0-4294967295", "0", false},
		{sameUnified("pids.max"), "100", "50", false},
		{sameUnified("memory.high"), "100000", "98304", true},
		{sameUnified("memory.high"), "100M", "104857600", true},
		{sameUnified("io.max"), "8:0 rbps=1", "8:0 rbps=1 wbps=max riops=max wiops=max", true},
	} {
		if got := c.same(c.asked, c.is); got != c.want {
			t.Errorf("asked %q, is %q: %v, want %v", c.asked, c.is, got, c.want)
		}
	}
}

// TestMountAt: the topmost mount need not be the last one that is listed.
func TestMountAt(t *testing.T) {
	list, err := proc.ParseMounts([]byte("10 1 0:1 / / rw - ext4 x rw\n11 12 0:2 / /a ro - tmpfs top rw\n12 10 0:3 / /a rw - tmpfs low rw\n"))
	if err != nil {
		t.Fatal(err)
	}
	if at := mountAt(list, "/a"); at == nil || at.ID != 11 {
		t.Errorf("at /a: %v, want mount 11", at)
	}
	if at := mountAt(list, "/b"); at != nil {
		t.Errorf("at /b: %v, want none", at)
	}
}

func TestRestrictions(t *testing.T) {
	for _, c := range []struct {
		options []string
		want    uint64
	}{
		{[]string{"ro", "nosuid"}, unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID},
		{[]string{"ro", "rw"}, 0},
		{[]string{"rro"}, unix.MOUNT_ATTR_RDONLY},
		{[]string{"rro", "rw"}, unix.MOUNT_ATTR_RDONLY},
		{[]string{"noexec", "exec", "rnodev", "rbind", "relatime"}, unix.MOUNT_ATTR_NODEV},
	} {
		if got := restrictions(c.options); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.options, got, c.want)
		}
	}
}
