package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMissingHint(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{root + "/web1", root + "/0123456789abcdef", other + "/x/web9", other + "/x/broken"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(dir) == "broken" {
			continue
		}
		if err := os.WriteFile(dir+"/state.json", []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ root, id, want string }{
		{root, "wbe1", "searched in " + root + ": did you mean web1?"},
		{root, "0123", "searched in " + root + ": did you mean 0123456789abcdef?"},
		{root, "other", "searched in " + root},
		{root + "/none", "web1", "searched in " + root + "/none, which has no containers"},
		{root + "/none", "broken", "searched in " + root + "/none, which has no containers"},
		{root + "/none", "web9", "searched in " + root + "/none, which has no containers; there is one in " + other + "/x: give --root " + other + "/x before the command"},
		{other + "/x", "broken", other + "/x/broken has no state: a create is at work on it, or was killed; delete --force broken removes it"},
	} {
		if got := missingHint(c.root, c.id, []string{other + "/*"}); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.id, c.root, got, c.want)
		}
	}
}
