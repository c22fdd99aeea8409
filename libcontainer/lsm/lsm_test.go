package lsm

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestRefused: a profile that is not there is not told in the words by which engines
// know a missing program, and a name that is cut off is no other profile's.
func TestRefused(t *testing.T) {
	proc, err := sys.HostProc()
	systest.MustDo(t, err)
	defer proc.Close()
	for _, stack := range []bool{false, true} {
		err := Apply(proc, "thread-self", &plan.SetLabels{AppArmor: "crun-go-no-such-profile", Stack: stack})
		if err == nil || strings.Contains(err.Error(), "no such file") {
			t.Errorf("an unknown profile: %v", err)
		}
		if errors.Is(err, unix.ENOENT) && err.Error() != "no AppArmor profile of that name is loaded" {
			t.Errorf("%q", err)
		}
		err = Apply(proc, "thread-self", &plan.SetLabels{AppArmor: strings.Repeat("x", 4096), Stack: stack})
		if !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("a long name: %v, want %v", err, unix.ENAMETOOLONG)
		}
	}
}
