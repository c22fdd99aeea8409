package spell

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"create", "start", "state", "ps", "run", "list"}
	for given, want := range map[string]string{
		"craete": "create", "crate": "create", "strt": "start", "stat": "state", "lsit": "list", "rn": "run", "": "", "images": "", "create": "",
	} {
		if got := Nearest(given, words); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
		if want != "" {
			want = "did you mean " + want + "?"
		}
		if got := Hint(given, words); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func TestHintPrefixed(t *testing.T) {
	words := []string{"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}
	for given, want := range map[string]string{
		"allow": "did you mean SCMP_ACT_ALLOW?", "SCMP_ACT_ALOW": "did you mean SCMP_ACT_ALLOW?", "SCMP_ACT_ALLOW": "", "SCMP_ACT_NOTHING": "",
	} {
		if got := HintPrefixed(given, "SCMP_ACT_", words); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}
