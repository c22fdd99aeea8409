package resource

import (
	"errors"
	"os"
	"testing"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestIntend: a cgroup that is there is not journaled before it is taken: a delete would
// kill what lives in it.
func TestIntend(t *testing.T) {
	top := t.TempDir()
	systest.MustDo(t, os.Mkdir(top+"/taken", 0o755))
	for path, want := range map[string]string{"/taken": "", "/free": top + "/free"} {
		s := newSet(t)
		s.Intend(&plan.Plan{Parent: []plan.Item{{Step: &plan.CreateCgroup{Path: path}}}}, cgroups.Hierarchy{Path: top})
		if got := s.Journal.Cgroup; got.Dir != want || len(got.Made) != min(len(want), 1) {
			t.Errorf("%s: journaled %q, made %q", path, got.Dir, got.Made)
		}
	}
}

// TestRemoveUnmade: a cgroup that somebody else has made at the place that the journal
// names, before the container's was made, is left alone.
func TestRemoveUnmade(t *testing.T) {
	top, s := t.TempDir(), newSet(t)
	s.Intend(&plan.Plan{Parent: []plan.Item{{Step: &plan.CreateCgroup{Path: "/free"}}}}, cgroups.Hierarchy{Path: top})
	systest.MustDo(t, s.Save())
	systest.MustDo(t, os.Mkdir(top+"/free", 0o755))
	ended := false
	end := func() error { ended = true; return nil }
	systest.MustDo(t, s.Remove(end, func(w specconv.Warning) { t.Error(w.Text) }))
	if _, err := os.Stat(top + "/free"); err != nil || !ended {
		t.Errorf("%v, processes ended: %t", err, ended)
	}
	if _, err := s.Dir.Load(); !errors.Is(err, state.ErrNotExist) {
		t.Errorf("the journal is left: %v", err)
	}
}
