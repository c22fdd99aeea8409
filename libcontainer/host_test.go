package libcontainer

import "testing"

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
