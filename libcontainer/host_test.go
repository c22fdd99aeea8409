package libcontainer

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// TestIsConfinement: labels as the kernel writes them, see apparmor(7).
func TestIsConfinement(t *testing.T) {
	for label, want := range map[string]bool{
		"unconfined\n":                  false,
		"unconfined\x00":                false,
		"crun (unconfined)\n":           false, // a profile with that flag
		"docker-default (enforce)\n":    true,
		"x (complain)\n":                true,
		"engine//&x (enforce)\n":        true,
		"a name with (unconfined) in\n": true,
	} {
		if got := isConfinement([]byte(label)); got != want {
			t.Errorf("%q: %v", label, got)
		}
	}
}

// TestLabelHint: what the kernel's refusals of a profile mean.
func TestLabelHint(t *testing.T) {
	for _, c := range []struct {
		step  plan.SetLabels
		errno unix.Errno
		want  string
	}{
		{plan.SetLabels{AppArmor: "p"}, unix.ENOENT, "apparmor_parser"},
		{plan.SetLabels{AppArmor: "p"}, unix.EACCES, "-> p,"},
		{plan.SetLabels{AppArmor: "p", Stack: true}, unix.EACCES, "-> &p,"},
		{plan.SetLabels{AppArmor: "p"}, unix.EIO, ""},
		{plan.SetLabels{SELinux: "l"}, unix.ENOENT, ""},
	} {
		if got := stepHint(&c.step, c.errno); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%+v, %v: %q", c.step, c.errno, got)
		}
	}
}
