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

// A kernel before 5.2 has no freezer in version 2.
func TestFreezeWithoutFreezer(t *testing.T) {
	c := fake(t, "")
	if err := c.Freeze(); !errors.Is(err, ErrNotSupported) || errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want ErrNotSupported", err)
	}
}
