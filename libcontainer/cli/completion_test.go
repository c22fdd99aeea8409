package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestCompletionScripts(t *testing.T) {
	for _, shell := range shells {
		if got := crun("completion " + shell); got.code != 0 || got.errout != "" || !strings.Contains(got.out, "# "+shell+" completion for crun-go") {
			t.Errorf("%s: %+v", shell, got)
		}
	}
	want := hinted("did you mean bash?", textLine(`no completion for "bsh": expected bash, zsh or fish`, ""))
	if got := crun("completion bsh"); got != (result{1, "", want}) {
		t.Errorf("%+v", got)
	}
}

// What may follow a command line; the last word is the one that is begun, ” none yet. tests/suites/install.bats asks the shells.
func TestCompletions(t *testing.T) {
	root := t.TempDir()
	for _, id := range []string{"web-1", "web-2", "db"} {
		container(t, root, id, false, nil)
	}
	for words, want := range map[string]string{
		"cr":                                  "create",
		"e":                                   "exec events engines",
		"h":                                   "help",
		"__":                                  "",
		"help c":                              "create checkpoint check completion",
		"nosuch ''":                           "",
		"nosuch -":                            "",
		"--log-level ''":                      "error warning debug",
		"-log-level=d":                        "debug",
		"--log-level = d":                     "debug",
		"--log-level =":                       "error warning debug",
		"--nosuch=x":                          "",
		"--rootless":                          "--rootless",
		"--log-f":                             "--log-format",
		"--root":                              "--root --rootless",
		"--root ''":                           ":dir",
		"--root=":                             ":dir",
		"--log ''":                            ":file",
		"--root " + root + " kill ''":         "db web-1 web-2",
		"--root=" + root + " kill --all web":  "web-1 web-2",
		"--root = " + root + " state d":       "db",
		"--root " + root + " exec -e A=b -- ": "db web-1 web-2",
		"--root /nowhere state ''":            "",
		"--root " + root + " run ''":          "",
		"--root " + root + " start db ''":     "",
		"--root " + root + " exec db ''":      "",
		"kill x TE":                           "TERM",
		"kill x TERM ''":                      "",
		"mounts ''":                           "add remove",
		"--root " + root + " mounts add d":    "db",
		"mounts add db ''":                    ":file",
		"list -f ''":                          "table json",
		"kill x --a":                          "--all",
		"kill x -- --a":                       "",
		"exec x --d":                          "",
		"exec --d":                            "--detach",
		"run --bundle ''":                     ":dir",
		"run --pid-file x":                    ":file",
		"run --preserve-fds ''":               "",
		"checkpoint --manage-cgroups-mode s":  "soft strict",
		"engines --install po":                "podman",
		"completion ''":                       "bash zsh fish",
		"update --memory ''":                  "",
		"features ''":                         "",
	} {
		if strings.HasSuffix(words, "-- ") {
			words += "''"
		}
		got := crun("__complete -- " + words)
		var list []string
		for line := range strings.Lines(got.out) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			list = append(list, word)
		}
		if text := strings.Join(list, " "); got.code != 0 || got.errout != "" || text != want {
			t.Errorf("crun-go %s: %q, want %q (%+v)", words, text, want, got)
		}
	}
	if got := crun("__complete -- kill --al").out; got != "--all\tsignal all processes of the container; succeed even if none is left\n" {
		t.Errorf("a flag with its meaning: %q", got)
	}
}

// Every command and every flag that is not hidden is offered.
func TestCompletionIsWhole(t *testing.T) {
	_, commands := Table()
	offered := strings.Fields(crun("__complete -- ''").out)
	for _, c := range commands {
		if !slices.Contains(offered, c.Name) {
			t.Errorf("no command %s", c.Name)
		}
		flags := crun("__complete -- " + c.Name + " -").out
		for _, f := range c.Flags() {
			for _, form := range f.Forms {
				if !strings.Contains("\n"+flags, "\n"+form+"\t") {
					t.Errorf("%s: no flag %s", c.Name, form)
				}
			}
		}
	}
}
