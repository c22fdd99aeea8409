package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseMounts(t *testing.T) {
	const text = `57 64 254:0 /var/tmp/b/rootfs / ro,noatime master:1 - ext4 /dev/vda rw
58 57 0:46 /a\040b /run/with\040space\134 rw,nosuid shared:7 master:1 - proc proc rw
59 57 0:47 / /plain rw - tmpfs tmpfs rw,size=4k
`
	got, err := ParseMounts([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Mount{
		{57, 64, "254:0", "/var/tmp/b/rootfs", "/", "ro,noatime", "ext4"},
		{58, 57, "0:46", "/a b", `/run/with space\`, "rw,nosuid", "proc"},
		{59, 57, "0:47", "/", "/plain", "rw", "tmpfs"},
	}
	if len(got) != len(want) {
		t.Fatalf("%d mounts, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
	for _, bad := range []string{"x", "1 2 3:4 / /", "a 2 3:4 / / rw - t s", "1 b 3:4 / / rw - t s", "1 2 3:4 / / rw t s"} {
		if _, err := ParseMounts([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestLacks(t *testing.T) {
	m := Mount{Options: "rw,nosuid,noexec,relatime"}
	for attr, want := range map[uint64]string{
		0:                       "",
		unix.MOUNT_ATTR_NOSUID:  "",
		unix.MOUNT_ATTR_NOATIME: "", // is no restriction
		unix.MOUNT_ATTR_RDONLY:  "ro",
		unix.MOUNT_ATTR_NODEV:   "nodev",
		unix.MOUNT_ATTR_NOSYMFOLLOW | unix.MOUNT_ATTR_NOEXEC: "nosymfollow",
	} {
		if got := m.Lacks(attr); got != want {
			t.Errorf("%#x: %q, want %q", attr, got, want)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("58 57 0:46 /a\\040b /run rw,nosuid shared:7 - proc proc rw\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseMounts([]byte(text))
		if err == nil && text != "" && len(list) == 0 {
			t.Error("lines were lost")
		}
	})
}
