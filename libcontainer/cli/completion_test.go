package cli

import (
	"slices"
	"strings"
	"testing"
)

// What the shells know are the commands and flags that there are. tests/install.bats asks them.
func TestCompletion(t *testing.T) {
	program, commands := Describe()
	for shell, long := range map[string]string{"bash": "--", "zsh": "--", "fish": "-l "} {
		got := crun("completion " + shell)
		if got.code != 0 || got.errout != "" {
			t.Fatalf("%s: %+v", shell, got)
		}
		for _, c := range append(commands, program) {
			if !strings.Contains(got.out, c.Name) {
				t.Errorf("%s: no command %s", shell, c.Name)
			}
			for _, f := range c.Flags {
				if name := strings.TrimPrefix(f.Forms[0], "--"); !strings.Contains(got.out, long+name) {
					t.Errorf("%s: %s has no flag %s", shell, c.Name, name)
				}
			}
		}
	}
	if got := crun("completion tcsh"); got.code != 1 || !strings.Contains(got.errout, "expected bash, zsh or fish") {
		t.Errorf("%+v", got)
	}
}

func TestCandidates(t *testing.T) {
	_, commands := Describe()
	kinds := map[string]string{}
	for _, c := range commands {
		for _, a := range candidatesOf(c, commands) {
			kinds[c.Name] += a.kind + " "
		}
	}
	for command, want := range map[string]string{
		"create": "", "run": "", "start": "container ", "kill": "container word ", "exec": "container ", "ps": "container ",
		"mounts": "word container file ", "help": "word ", "list": "",
	} {
		if kinds[command] != want {
			t.Errorf("%s: %q, want %q", command, kinds[command], want)
		}
	}
	for usage, want := range map[string][]string{
		": text or json":                            {"text", "json"},
		" and above: error, warning or debug":       {"error", "warning", "debug"},
		" is true; auto: for other users than root": nil,
		": all":    nil,
		" or json": nil,
	} {
		if got := choices(usage); !slices.Equal(got, want) {
			t.Errorf("%q: %q", usage, got)
		}
	}
}
