package cgroups

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// Processes that do not stop are let go again, and the error says so. In a fake
// cgroup nothing ever stops.
func TestFreezeGivesUp(t *testing.T) {
	c := fake(t, "", "cgroup.freeze=0")
	err := c.freeze(time.Millisecond)
	if !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), "processes did not stop within 1ms") {
		t.Errorf("error %v, want a timeout", err)
	}
	if got := content(t, c, "cgroup.freeze"); got != "cgroup.freeze=0" {
		t.Errorf("left %s", got)
	}
	put(t, c.Dir(), "cgroup.events=populated 0\nfrozen 1\n")
	if err := c.freeze(time.Millisecond); err != nil {
		t.Error(err)
	}
	if got := content(t, c, "cgroup.freeze"); got != "cgroup.freeze=1" {
		t.Errorf("left %s", got)
	}
}

// TestFreezeOvertaken: who thaws it meanwhile is not waited for.
func TestFreezeOvertaken(t *testing.T) {
	c := fake(t, "", "cgroup.freeze=0", "cgroup.events=populated 1\nfrozen 0\n")
	go func() {
		time.Sleep(10 * time.Millisecond)
		os.WriteFile(c.Dir()+"/cgroup.freeze", []byte("0\n"), 0o644)
	}()
	began := time.Now()
	if err := c.freeze(freezeTimeout); !errors.Is(err, errThawed) || time.Since(began) > freezeTimeout/2 {
		t.Errorf("error %v after %v", err, time.Since(began))
	}
}

func TestFreezeNamesWhoIsBusy(t *testing.T) {
	proc := t.TempDir()
	for _, stat := range []string{"4 (sh) S 1", "5 (a) R (b) D 1", "6 (cat) T 1", "7 (dd) R 1", "8 broken"} {
		dir := proc + "/" + stat[:1] + "/task/" + stat[:1]
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, dir, "stat="+stat+" 2 3\n")
	}
	for procs, want := range map[string]string{
		"4\n5\n6\n8\n9\n": "thread 5 (a) R (b), state D,",
		"5\n7\n":          "thread 5 (a) R (b), state D, and 7 (dd), state R,",
		"4\n":             "processes",
	} {
		c := fake(t, "", "cgroup.freeze=0")
		put(t, c.Dir(), "cgroup.procs="+procs)
		if got := c.busy(proc); got != want {
			t.Errorf("%q: %q, want %q", procs, got, want)
		}
	}
}

// A kernel before 5.2 has no freezer in version 2.
func TestFreezeWithoutFreezer(t *testing.T) {
	c := fake(t, "")
	if err := c.Freeze(); !errors.Is(err, ErrNotSupported) || errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want ErrNotSupported", err)
	}
}

// A cgroup that is being frozen says so before its processes have stopped, and so do
// those above it.
func TestRuns(t *testing.T) {
	noLeak(t)
	h, base := hostHierarchy(t), hostCgroup(t)
	c, err := h.Create(base.Path() + "/above/below")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Delete(c.Created)
	defer c.Close()
	if err := c.Runs(); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{c.Dir(), base.Dir() + "/above"} {
		for value, want := range map[string]error{"1": ErrFrozen, "0": nil} {
			if err := os.WriteFile(dir+"/cgroup.freeze", []byte(value), 0); err != nil {
				t.Fatal(err)
			}
			if err := c.Runs(); !errors.Is(err, want) {
				t.Errorf("%s %s: %v", dir, value, err)
			}
		}
		if err := os.WriteFile(dir+"/cgroup.freeze", []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
	}
}
