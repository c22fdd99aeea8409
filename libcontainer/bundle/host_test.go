package bundle

import (
	"slices"
	"testing"
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

// A user's containers get their cgroups where the kernel lets the user put
// processes that it has.
func TestBesideOrBelow(t *testing.T) {
	const scope = "/user.slice/user-5.slice/user@5.service/app.slice/a.scope"
	for _, c := range []struct {
		own, want string
		hold      []string
	}{
		{scope, "/user.slice/user-5.slice/user@5.service/app.slice", []string{scope, "/user.slice/user-5.slice/user@5.service/app.slice"}},
		{scope + "/leaf", scope, []string{scope, scope + "/leaf"}},
		{"/hand", "/hand", []string{"/hand"}},
		{"/", "/", []string{"/"}},
		{"/user.slice/user-5.slice/session-1.scope", "", nil},
		{"/../other", "", []string{"/..", "/../other"}},
		{"/..", "", []string{"/", "/.."}},
	} {
		if got := besideOrBelow(c.own, func(dir string) bool { return slices.Contains(c.hold, dir) }); got != c.want {
			t.Errorf("from %s: %q, want %q", c.own, got, c.want)
		}
	}
}
