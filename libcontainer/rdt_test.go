package libcontainer

import (
	"os"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

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
	root := fakeResctrl(t)
	rdt := state.Rdt{Dir: root.Path, Monitor: root.Path + "/gold"} // any directory with a tasks file
	systest.MustDo(t, enterGroups(root, &rdt, 42))
	for _, dir := range []string{rdt.Dir, rdt.Monitor} {
		if got, _ := os.ReadFile(dir + "/tasks"); string(got) != "42" {
			t.Errorf("%s: %q", dir, got)
		}
	}
	systest.MustDo(t, EnterRdt(&state.Rdt{}, 42)) // nothing was asked for
}

func TestSetSchemata(t *testing.T) {
	root := fakeResctrl(t)
	group := root.Group("gold")
	systest.MustDo(t, setSchemata(group, "L3:0=f;1=f", "MB:0=20"))
	if got, _ := os.ReadFile(group.Dir + "/schemata"); !strings.HasPrefix(string(got), "L3:0=f;1=f\nMB:0=20\n") {
		t.Errorf("%q", got)
	}
	for _, bad := range [][2]string{{"MB:0=20", ""}, {"", "L3:0=f"}, {"L3:0=f\nMB:0=1", ""}} {
		if err := setSchemata(group, bad[0], bad[1]); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	c := Container{Journal: &state.State{}}
	if err := c.SetRdt("L3:0=f", ""); err == nil || !strings.Contains(err.Error(), "no class of service") {
		t.Errorf("%v", err)
	}
}
