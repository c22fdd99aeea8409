package create

import (
	"os"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

func rdtCreation(t *testing.T) *Builder {
	dir, err := state.Create(t.TempDir(), "c1")
	systest.MustDo(t, err)
	t.Cleanup(func() { dir.Close() })
	b := &bundle.Bundle{Plan: &plan.Plan{Container: plan.Container{ID: "c1"}}}
	c := &Builder{Bundle: b, Dir: dir}
	c.Journal.Container.ID = "c1"
	return c
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
		"one that is not":   {step: plan.MakeRdtGroup{Class: "tin", MustExist: true}, err: "there is no class of service at"},
		"another":           {step: plan.MakeRdtGroup{Class: "gold", Schemata: []string{"L3:1=f"}}, err: `has other schemata than "L3:1=f"`},
		"watched": {step: plan.MakeRdtGroup{Class: "gold", MustExist: true, Monitor: true},
			want: state.Rdt{Dir: "/gold", Monitor: "/gold/mon_groups/c1"}},
	} {
		root, c := fakeResctrl(t), rdtCreation(t)
		err := c.makeRdtGroup(root, &test.step)
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
		if got != test.want || c.leftClass != test.left {
			t.Errorf("%s: %+v, outlives the container: %v, want %+v", name, got, c.leftClass, test.want)
		}
		if made := c.Journal.Rdt; test.left {
			c.Settle()
			systest.MustDo(t, libcontainer.LeaveRdt(&c.Journal.Rdt))
			if _, err := os.Stat(made.Dir); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			c.Journal.Rdt = made // create failed instead
		}
		systest.MustDo(t, libcontainer.LeaveRdt(&c.Journal.Rdt))
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
	root, c := fakeResctrl(t), rdtCreation(t)
	systest.MustDo(t, os.Mkdir(root.Path+"/gold/mon_groups/c1", 0o755))
	if err := c.makeRdtGroup(root, &plan.MakeRdtGroup{Class: "gold", MustExist: true, Monitor: true}); err == nil {
		t.Error("it was taken")
	}
	systest.MustDo(t, libcontainer.LeaveRdt(&c.Journal.Rdt))
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
