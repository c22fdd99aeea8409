package resctrl

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// fake is a tree that looks like a mounted resctrl.
func fake(t *testing.T) Root {
	r := Root{Path: t.TempDir()}
	r.populate = func(dir string) {
		for file, text := range map[string]string{"schemata": "    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n", "tasks": ""} {
			systest.MustDo(t, os.WriteFile(dir+"/"+file, []byte(text), 0o644))
		}
		if !strings.Contains(dir, "mon_groups") {
			systest.MustDo(t, os.Mkdir(dir+"/mon_groups", 0o755))
		}
	}
	r.populate(r.Path)
	systest.MustDo(t, os.Mkdir(r.Path+"/info", 0o755))
	return r
}

func content(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	systest.MustDo(t, err)
	return string(data)
}

func TestFind(t *testing.T) {
	other := proc.Mount{Point: "/sys/fs/cgroup", Type: "cgroup2"}
	if r, err := find([]proc.Mount{other, {Point: "/mnt a", Type: "resctrl"}}); err != nil || r.Path != "/mnt a" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := find([]proc.Mount{other}); !errors.Is(err, ErrNotSupported) {
		t.Errorf("none is mounted: %+v, %v", r, err)
	}
}

func TestGroups(t *testing.T) {
	r := fake(t)
	if g := r.Group("/"); g.Dir != r.Path || !g.Exists() {
		t.Errorf("the default class is %+v", g)
	}
	g := r.Group("gold")
	if g.Exists() {
		t.Error("it is there before it was made")
	}
	systest.MustDo(t, r.Make(g))
	m := g.Monitor("c1")
	systest.MustDo(t, r.Make(m))
	systest.MustDo(t, g.Set([]string{"L3:0=f", "MB:0=20"}))
	systest.MustDo(t, g.Set(nil)) // nothing to write
	if got := content(t, r.Path+"/gold/schemata"); !strings.HasPrefix(got, "L3:0=f\nMB:0=20\n") {
		t.Errorf("schemata %q", got)
	}
	systest.MustDo(t, g.Enter(42))
	systest.MustDo(t, m.Enter(43))
	if got := content(t, r.Path+"/gold/tasks") + " " + content(t, r.Path+"/gold/mon_groups/c1/tasks"); got != "42 43" {
		t.Errorf("tasks %q", got)
	}
	if err := r.Make(g); !errors.Is(err, unix.EEXIST) {
		t.Errorf("made twice: %v", err)
	}
	for _, file := range []string{"schemata", "tasks"} { // with a directory the kernel's files go
		systest.MustDo(t, os.Remove(m.Dir+"/"+file))
	}
	systest.MustDo(t, m.Remove())
	systest.MustDo(t, m.Remove()) // gone already
	if m.Exists() {
		t.Error("it is still there")
	}
}

func TestCheck(t *testing.T) {
	r := fake(t)
	g := r.Group("gold")
	systest.MustDo(t, r.Make(g))
	for line, same := range map[string]bool{
		"L3:0=7ff;1=7ff": true, "L3:1=7ff": true, "L3:0=0x7FF": true, "L3:0=07ff": true, " L3 : 0 = 7ff ": true, "MB:0=100;1=100": true,
		"L3:0=7fe": false, "L3:2=7ff": false, "L2:0=7ff": false, "MB:0=10": false, "L3:": false, "nonsense": false,
	} {
		err := g.Check([]string{line})
		if (err == nil) != same {
			t.Errorf("%q: %v", line, err)
		}
	}
	if err := g.Check([]string{"L3:0=7ff", "MB:1=20"}); err == nil || !strings.Contains(err.Error(), `other schemata than "MB:1=20"`) {
		t.Errorf("%v", err)
	}
	systest.MustDo(t, r.Group("missing").Check(nil))
}

// TestReason: the kernel says more than an errno.
func TestReason(t *testing.T) {
	r := fake(t)
	systest.MustDo(t, os.WriteFile(r.Path+"/info/last_cmd_status", []byte("Group name is taken\n"), 0o644))
	systest.MustDo(t, r.Make(r.Group("gold")))
	err := r.Make(r.Group("gold"))
	if !errors.Is(err, unix.EEXIST) || !strings.HasSuffix(err.Error(), "file exists (Group name is taken)") {
		t.Errorf("%v", err)
	}
}
