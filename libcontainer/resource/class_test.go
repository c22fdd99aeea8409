package resource

import (
	"os"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

func newSet(t *testing.T) *Set {
	dir, err := state.Create(t.TempDir(), "c1")
	systest.MustDo(t, err)
	t.Cleanup(func() { dir.Close() })
	return Of(dir, &state.State{Container: plan.Container{ID: "c1"}})
}

func TestRdtGroups(t *testing.T) {
	for name, test := range map[string]struct {
		step plan.MakeRdtGroup
		want state.Rdt // directories below the root
		left bool      // the class outlives the container
		err  string
	}{
		"its own":           {step: plan.MakeRdtGroup{Class: "c1", Own: true}, want: state.Rdt{Dir: "/c1", Made: true}},
		"a name of its own": {step: plan.MakeRdtGroup{Class: "tin"}, want: state.Rdt{Dir: "/tin"}, left: true},
		"a class":           {step: plan.MakeRdtGroup{Class: "gold", MustExist: true}, want: state.Rdt{Dir: "/gold"}},
		"the default":       {step: plan.MakeRdtGroup{Class: "/", MustExist: true}, want: state.Rdt{}},
		"one that fits":     {step: plan.MakeRdtGroup{Class: "gold", Schemata: []string{"L3:1=7ff"}}, want: state.Rdt{Dir: "/gold"}},
		"one that is not":   {step: plan.MakeRdtGroup{Class: "tin", MustExist: true}, err: "no such class of service"},
		"another":           {step: plan.MakeRdtGroup{Class: "gold", Schemata: []string{"L3:1=f"}}, err: `has other schemata than "L3:1=f"`},
		"watched": {step: plan.MakeRdtGroup{Class: "gold", MustExist: true, Monitor: true},
			want: state.Rdt{Dir: "/gold", Monitor: "/gold/mon_groups/c1"}},
	} {
		root, c := fakeResctrl(t), newSet(t)
		c.Class.root = root
		err := c.Class.Make(&test.step)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		systest.MustDo(t, err)
		journal, err := c.Dir.Load()
		systest.MustDo(t, err)
		got := journal.Rdt
		if !strings.HasPrefix(got.Dir, root.Path) {
			t.Errorf("%s: %+v", name, got)
		}
		got.Dir, got.Monitor = strings.TrimPrefix(got.Dir, root.Path), strings.TrimPrefix(got.Monitor, root.Path)
		if got != test.want || c.Class.Outlives != test.left {
			t.Errorf("%s: %+v, outlives the container: %v, want %+v", name, got, c.Class.Outlives, test.want)
		}
		if made := c.Journal.Rdt; test.left {
			systest.MustDo(t, c.Created())
			systest.MustDo(t, c.Class.Remove())
			if _, err := os.Stat(made.Dir); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.Journal.Rdt = made // create failed instead
		}
		systest.MustDo(t, c.Class.Remove())
		for _, dir := range []string{"/c1", "/tin", "/gold/mon_groups/c1"} {
			if _, err := os.Stat(root.Path + dir); err == nil {
				t.Errorf("%s: %s is left", name, dir)
			}
		}
		if _, err := os.Stat(root.Path + "/gold/tasks"); err != nil {
			t.Errorf("%s: somebody else's class is gone", name)
		}
	}
}

// TestRdtMonitorTaken: a monitoring group that was there is somebody else's.
func TestRdtMonitorTaken(t *testing.T) {
	root, c := fakeResctrl(t), newSet(t)
	c.Class.root = root
	systest.MustDo(t, os.Mkdir(root.Path+"/gold/mon_groups/c1", 0o755))
	if err := c.Class.Make(&plan.MakeRdtGroup{Class: "gold", MustExist: true, Monitor: true}); err == nil {
		t.Error("it was taken")
	}
	systest.MustDo(t, c.Class.Remove())
	if _, err := os.Stat(root.Path + "/gold/mon_groups/c1"); err != nil {
		t.Error("it was removed")
	}
}

// fakeResctrl is a tree with one class of service, gold.
func fakeResctrl(t *testing.T) resctrl.Root {
	r := resctrl.Root{Path: t.TempDir()}
	for _, dir := range []string{r.Path, r.Path + "/gold"} {
		systest.MustDo(t, os.MkdirAll(dir+"/mon_groups", 0o755))
		systest.MustDo(t, os.WriteFile(dir+"/schemata", []byte("    L3:0=7ff;1=7ff\n"), 0o644))
		systest.MustDo(t, os.WriteFile(dir+"/tasks", nil, 0o644))
	}
	return r
}

func TestRdtTasks(t *testing.T) {
	root, c := fakeResctrl(t), newSet(t)
	c.Class.root = root
	c.Journal.Rdt = state.Rdt{Dir: root.Path, Monitor: root.Path + "/gold"} // any directory with a tasks file
	systest.MustDo(t, c.Class.Enter(42))
	for _, dir := range []string{c.Journal.Rdt.Dir, c.Journal.Rdt.Monitor} {
		if got, _ := os.ReadFile(dir + "/tasks"); string(got) != "42" {
			t.Errorf("%s: %q", dir, got)
		}
	}
	c.Journal.Rdt = state.Rdt{}
	systest.MustDo(t, c.Class.Enter(42)) // nothing was asked for
}

func TestSetSchemata(t *testing.T) {
	root, c := fakeResctrl(t), newSet(t)
	group := root.Group("gold")
	c.Class.root, c.Journal.Rdt.Dir = root, group.Dir
	systest.MustDo(t, c.Class.Set("L3:0=f;1=f", "MB:0=20"))
	if got, _ := os.ReadFile(group.Dir + "/schemata"); !strings.HasPrefix(string(got), "L3:0=f;1=f\nMB:0=20\n") {
		t.Errorf("%q", got)
	}
	for _, bad := range [][2]string{{"MB:0=20", ""}, {"", "L3:0=f"}, {"L3:0=f\nMB:0=1", ""}} {
		if err := c.Class.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if err := newSet(t).Class.Set("L3:0=f", ""); err == nil || !strings.Contains(err.Error(), "no class of service") {
		t.Errorf("%v", err)
	}
}
