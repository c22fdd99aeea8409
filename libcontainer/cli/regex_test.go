package cli

import (
	"os"
	"strings"
	"testing"
)

func TestRegex(t *testing.T) {
	root := t.TempDir()
	for _, id := range []string{"web-1", "web-2", "db"} {
		container(t, root, id, false, nil)
	}
	container(t, root, "web-live", true, nil)
	left := func() string { return strings.ReplaceAll(crun("--root "+root+" list -q").out, "\n", " ") }
	idle := func(id string) string { return "container " + id + ": container not running\n" }
	running := "container web-live: cannot delete container web-live that is not stopped: running\n"
	for _, c := range []struct {
		args   string
		code   int
		errout string
		left   string
	}{
		{"kill --regex ^web- 0", 0, idle("web-1") + idle("web-2"), "db web-1 web-2 web-live "},
		{"kill -r live$ 0", 0, "", "db web-1 web-2 web-live "},
		{"kill --all -r . 0", 0, "", "db web-1 web-2 web-live "},
		{"kill -r nothing KILL", 0, "", "db web-1 web-2 web-live "},
		{"kill -r . BOGUS", 1, hinted(signalHint, textLine(`unknown signal "BOGUS"`, "")), "db web-1 web-2 web-live "},
		{"kill -r ( KILL", 1, textLine(`invalid regular expression "(": missing closing )`, ""), "db web-1 web-2 web-live "},
		{"delete -r [ ", 1, textLine(`invalid regular expression "[": missing closing ]`, ""), "db web-1 web-2 web-live "},
		{"delete -r web-[3-1] ", 1, textLine(`invalid regular expression "web-[3-1]": invalid character class range at "3-1"`, ""), "db web-1 web-2 web-live "},
		{"kill -r ^([[:alpha:]]{2}|x)$ 0", 0, idle("db"), "db web-1 web-2 web-live "},
		{"delete -r 2$", 0, "", "db web-1 web-live "},
		{"delete --regex ^web", 0, running, "db web-live "},
		{"delete --force --regex nothing", 0, "", "db web-live "},
		{"delete web", 1, hinted("searched in "+root+": did you mean web-live?", textLine("container does not exist", " code=not-found")), "db web-live "},
		{"delete --regex d|x", 0, "", "web-live "},
		{"--root /nowhere delete --regex .", 0, "", "web-live "},
	} {
		if got := crun("--root " + root + " " + c.args); got != (result{c.code, "", c.errout}) {
			t.Errorf("%s: %+v, want %d, %q", c.args, got, c.code, c.errout)
		}
		if got := left(); got != c.left {
			t.Errorf("%s: left %s, want %s", c.args, got, c.left)
		}
	}
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
}
