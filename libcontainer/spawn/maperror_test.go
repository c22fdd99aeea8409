package spawn

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestGivenRanges(t *testing.T) {
	text := []byte("root:1:2\nann:100:50\n5:300:1\n# ann:7:7\nann:x:1\nann:1:\nann:1:1:1\n ann:900:1 \nbob:150:50\nann:150:50")
	if got, want := givenRanges(text, "ann", "5"), []idRange{{100, 50}, {300, 1}, {900, 1}, {150, 50}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := givenRanges([]byte(":1:1\n"), "", "5"); got != nil {
		t.Errorf("nobody has %v", got)
	}
}

func TestWithin(t *testing.T) {
	ranges := []idRange{{150, 50}, {100, 50}, {300, 1}}
	for _, c := range []struct {
		first, size uint64
		want        bool
	}{
		{100, 50, true}, {150, 50, true}, {100, 100, true}, {199, 1, true}, {300, 1, true}, {120, 60, true},
		{99, 2, false}, {100, 101, false}, {300, 2, false}, {0, 1, false}, {250, 1, false}, {100, 1 << 32, false},
	} {
		if got := within(ranges, c.first, c.size); got != c.want {
			t.Errorf("%d ids from %d: %v", c.size, c.first, got)
		}
	}
}

// The mapping to blame is the first that is neither the caller's own id nor
// given to him.
func TestNotGiven(t *testing.T) {
	kind := idKind{own: func() int { return 1000 }}
	m := func(host, size uint32) specs.LinuxIDMapping { return specs.LinuxIDMapping{HostID: host, Size: size} }
	for _, c := range []struct {
		maps []specs.LinuxIDMapping
		want int
	}{
		{[]specs.LinuxIDMapping{m(1000, 1)}, -1},
		{[]specs.LinuxIDMapping{m(1000, 1), m(5000, 10)}, -1},
		{[]specs.LinuxIDMapping{m(1000, 2)}, 0},
		{[]specs.LinuxIDMapping{m(1000, 1), m(5000, 11)}, 1},
	} {
		if got := kind.notGiven(c.maps, []idRange{{5000, 10}}); got != c.want {
			t.Errorf("%v: %d, want %d", c.maps, got, c.want)
		}
	}
}

// A map that the kernel refused names what this user namespace lacks.
func TestRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the answer to users other than root is another")
	}
	text, err := os.ReadFile("/proc/self/uid_map")
	systest.MustDo(t, err)
	all := ownRanges(text)
	if len(all) == 0 {
		t.Fatalf("no ranges in %q", text)
	}
	beyond := all[len(all)-1].first + all[len(all)-1].size
	var e *MapError
	err = uids.refused([]specs.LinuxIDMapping{{HostID: uint32(all[0].first), Size: 1}, {HostID: uint32(beyond), Size: 5}}, unix.EPERM)
	if !errors.As(err, &e) || e.Index != 1 || e.Groups || e.Why != NotOwned || e.Mapping.Size != 5 || !strings.Contains(err.Error(), "are not all in the user namespace") || !errors.Is(err, unix.EPERM) {
		t.Errorf("%+v", err)
	}
	if err := gids.refused([]specs.LinuxIDMapping{{Size: 1}}, unix.EINVAL); !errors.As(err, &e) || e.Index != -1 || !e.Groups || !errors.Is(err, unix.EINVAL) {
		t.Errorf("%+v", err)
	}
}

// Helpers are found with PATH, and where they usually are without.
func TestFindHelper(t *testing.T) {
	dir := t.TempDir()
	systest.MustDo(t, os.WriteFile(filepath.Join(dir, "newuidmap"), []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", dir)
	if path, err := uids.find(); err != nil || path != filepath.Join(dir, "newuidmap") {
		t.Errorf("%q, %v", path, err)
	}
	if path, err := gids.find(); err == nil {
		t.Errorf("newgidmap was found: %q", path)
	}
	t.Setenv("PATH", "")
	_, missing := os.Stat("/usr/bin/newuidmap")
	if path, err := uids.find(); missing == nil && err != nil || err == nil && !strings.HasSuffix(path, "/bin/newuidmap") {
		t.Errorf("without PATH: %q, %v", path, err)
	}
}
