package cgroups

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel says EAGAIN, and nothing else.
func TestCreateBeyondALimit(t *testing.T) {
	noLeak(t)
	h, base := hostHierarchy(t), hostCgroup(t)
	for _, c := range []struct{ file, value, below, want string }{
		{"cgroup.max.descendants", "1", "/one", ""},
		{"cgroup.max.descendants", "1", "/one/two", `cgroup.max.descendants of "BASE" allows 1 cgroups below it, and there are as many`},
		{"cgroup.max.depth", "1", "/one/two", `cgroup.max.depth of "BASE" allows 1 levels below it`},
		{"cgroup.max.depth", "0", "/one", `cgroup.max.depth of "BASE" allows 0 levels below it`},
	} {
		if err := os.WriteFile(base.Dir()+"/"+c.file, []byte(c.value), 0); err != nil {
			t.Fatal(err)
		}
		group, err := h.Create(base.Path() + c.below)
		if err := os.WriteFile(base.Dir()+"/"+c.file, []byte("max"), 0); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			err = group.Delete(group.Created)
			group.Close()
		}
		switch want := strings.ReplaceAll(c.want, "BASE", base.Path()); {
		case want == "" && err != nil:
			t.Errorf("%s=%s: %v", c.file, c.value, err)
		case want != "" && (err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, unix.EAGAIN)):
			t.Errorf("%s=%s:\n got %v\nwant %s", c.file, c.value, err, want)
		}
	}
}

func TestCreateRefusesAThreadedCgroup(t *testing.T) {
	noLeak(t)
	h, base := hostHierarchy(t), hostCgroup(t)
	top, err := h.Create(base.Path() + "/top")
	if err != nil {
		t.Fatal(err)
	}
	defer top.Delete(top.Created)
	defer top.Close()
	// Not by Create, which would have it enable controllers, of which some can't
	// be had in a threaded subtree.
	if err := os.Mkdir(top.Dir()+"/threads", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(top.Dir()+"/threads/cgroup.type", []byte("threaded"), 0); err != nil {
		t.Fatal(err)
	}
	group, err := top.Below("threads")
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	if err := top.Threaded(); err != nil {
		t.Error(err)
	}
	if _, err := h.Create(group.Path()); !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), `is "threaded"`) {
		t.Error(err)
	}
	below, err := h.Create(group.Path() + "/below")
	if err != nil {
		t.Fatal(err)
	}
	defer below.Close()
	if err := below.Threaded(); !errors.Is(err, ErrNotSupported) || !strings.Contains(err.Error(), `is "domain invalid"`) {
		t.Error(err)
	}
	if err := below.Delete(below.Created); err != nil {
		t.Error(err)
	}
}
