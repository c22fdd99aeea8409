package cgroups

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/proc"
)

func TestFindMount(t *testing.T) {
	v1, tmpfs := proc.Mount{Point: "/c", Type: "cgroup"}, proc.Mount{Point: "/t", Type: "tmpfs"}
	h, err := findMount([]proc.Mount{v1, {Point: "/a b", Type: "cgroup2"}, {Point: "/c", Type: "cgroup2"}})
	if err != nil || h.Path != "/a b" {
		t.Errorf("the first of two: %+v, %v", h, err)
	}
	if h, err := findMount([]proc.Mount{v1, tmpfs}); !errors.Is(err, ErrNotSupported) {
		t.Errorf("version 1 only: %+v, %v", h, err)
	}
}

func TestFindFallsBackToMountinfo(t *testing.T) {
	h, err := Find(t.TempDir())
	if errors.Is(err, ErrNotSupported) {
		t.Skip("no cgroup2 is mounted here")
	}
	if err != nil || !isCgroup2(h.Path) {
		t.Errorf("Find = %+v, %v", h, err)
	}
}

func TestOwnPath(t *testing.T) {
	for _, test := range []struct {
		text, want string
		err        error
	}{
		{"0::/user.slice/a b\n", "/user.slice/a b", nil},
		{"4:memory:/x\n1:name=systemd:/y\n0::/\n", "/", nil},
		{"0::/../up\n", "/../up", nil},
		{"0::/gone (deleted)\n", "/gone (deleted)", nil},
		{"4:memory:/x\n", "", ErrNotSupported},
		{"", "", ErrNotSupported},
	} {
		got, err := OwnPath(strings.NewReader(test.text))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%q: %q, %v; want %q, %v", test.text, got, err, test.want, test.err)
		}
	}
	if _, err := OwnPath(strings.NewReader("0::relative\n")); err == nil {
		t.Error("a relative path is accepted")
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		path string
		want []string
		ok   bool
	}{
		{"/a/b", []string{"a", "b"}, true},
		{"a//b/./", []string{"a", "b"}, true},
		{"/", nil, true},
		{"", nil, false},
		{"/a/../b", nil, false},
		{"..", nil, false},
		{"/a\x00", nil, false},
		{"/a\nb", nil, false},
		{"/..a", []string{"..a"}, true},
	} {
		got, err := split(test.path)
		if !slices.Equal(got, test.want) || (err == nil) != test.ok {
			t.Errorf("split(%q) = %q, %v", test.path, got, err)
		}
	}
}

func TestOpenStaysInside(t *testing.T) {
	outside := t.TempDir()
	c := fake(t, "")
	if err := os.Symlink(outside, c.Dir()+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/c/link", "/c/link/x"} {
		if o, err := c.h.Open(path); err == nil {
			o.Close()
			t.Errorf("Open(%q) followed a symbolic link", path)
		}
		if o, err := c.h.Create(path); err == nil {
			o.Close()
			t.Errorf("Create(%q) followed a symbolic link", path)
		}
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Error("Create made a directory outside")
	}
	if _, err := c.h.Open("/c/none"); !errors.Is(err, ErrNotExist) || strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("Open of a missing cgroup: %v", err)
	}
	if _, err := c.h.Create("/"); err == nil {
		t.Error("Create of the root")
	}
}

func TestAvailable(t *testing.T) {
	c := fake(t, "cpu io memory\n")
	got, err := c.h.Available()
	if want := []string{"cpu", "io", "memory"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Available = %q, %v", got, err)
	}
}

func TestCreateEnablesWhatIsMissing(t *testing.T) {
	noLeak(t)
	for _, test := range []struct{ available, enabled, want string }{
		{"cpu io memory\n", "", "+cpu +io +memory"},
		{"cpu io memory\n", "io\n", "+cpu +memory"},
		{"cpu io\n", "io cpu\n", "io cpu\n"}, // nothing is written
		{"", "", ""},
	} {
		c := fake(t, test.enabled) // "/" has no controllers to hand to "/c" yet
		put(t, c.h.Path, "cgroup.controllers="+test.available, "cgroup.subtree_control="+test.enabled)
		made, err := c.h.Create("/c")
		if err != nil {
			t.Fatal(err)
		}
		made.Close()
		b, err := os.ReadFile(c.h.Path + "/cgroup.subtree_control")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b); got != test.want {
			t.Errorf("%+v: %q written", test, got)
		}
	}
}

func FuzzOwnPath(f *testing.F) {
	f.Add("1:cpu:/x\n0::/a (deleted)\n")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := OwnPath(strings.NewReader(text)); err == nil && !strings.HasPrefix(p, "/") {
			t.Errorf("%q", p)
		}
	})
}
