package cli

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEither(t *testing.T) {
	for n, list := range []string{"", "a", "a or b", "a, b or c"} {
		if got := either([]string{"a", "b", "c"}[:n]); got != list {
			t.Errorf("%q, want %q", got, list)
		}
	}
}

// A word that is misspelt is answered with the error, and one line before it with the word that was meant.
func TestMisspelt(t *testing.T) {
	for args, want := range map[string]string{
		"craete x":                 "did you mean create? crun-go --help lists the commands",
		"help destroy":             "crun-go --help lists the commands",
		"run --bunlde b x":         "did you mean --bundle?",
		"run -detahc x":            "did you mean --detach?",
		"--rooot r list":           "did you mean --root?",
		"--root /x kill x KIL":     "searched in /x, which has no containers",
		"list -f jsn":              "did you mean json? --format is table or json, not \"jsn\"",
		"ps -f tabel x":            "did you mean table? --format is table or json, not \"tabel\"",
		"--log-format jsno list":   "did you mean json? --log-format is text or json",
		"--log-level wraning ps":   "did you mean warning? --log-level is error, warning or debug",
		"--cgroup-manager sysemd":  "did you mean systemd? --cgroup-manager is cgroupfs, systemd or disabled",
		"mounts ad x y":            "did you mean add? the word after mounts is add or remove",
		"engines --install dcoker": "did you mean docker?",
	} {
		got := crun(args)
		hint, _, _ := strings.Cut(got.errout, "\n")
		if hint, _ = strings.CutPrefix(hint, "hint: "); strings.HasPrefix(hint, "time=") {
			hint = ""
		}
		if got.code == 0 || hint != want {
			t.Errorf("crun-go %s: %d, hint %q, want %q\n%s", args, got.code, hint, want, got.errout)
		}
	}
	root := t.TempDir()
	container(t, root, "live", true, nil)
	if got := crun("--root " + root + " kill live SIGKILLL"); !strings.HasPrefix(got.errout, "hint: did you mean KILL? a signal is a name, ") {
		t.Errorf("%+v", got)
	}
}

// At a terminal there is no page of help between the command line and the error.
func TestUsageAtTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminal: ", err)
	}
	defer terminal.Close()
	for _, c := range []struct{ args, hint, message string }{
		{"kill", "see crun-go kill --help", `crun-go: "kill" requires a minimum of 1 argument(s)`},
		{"--nosuch", "see crun-go --help", "flag provided but not defined: -nosuch"},
		{"run --detahc x", "did you mean --detach?", "flag provided but not defined: -detahc"},
	} {
		var errout strings.Builder
		inv := &invocation{stdout: terminal, stderr: &errout}
		inv.log.now = now
		code := inv.run(append([]string{"crun-go"}, strings.Fields(c.args)...))
		if want := hinted(c.hint, textLine(c.message, "")); code != 1 || errout.String() != want {
			t.Errorf("%s: %d\n%s\nwant\n%s", c.args, code, errout.String(), want)
		}
		if n, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCINQ); err != nil || n != 0 {
			t.Errorf("%s: %d bytes on the terminal, %v", c.args, n, err)
		}
	}
}

func TestTraceWithoutSteps(t *testing.T) {
	file := t.TempDir() + "/config.json"
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := crun("trace " + file); got.code != 1 || !strings.Contains(got.errout, file+": no steps in it, expected what --trace writes") {
		t.Errorf("%+v", got)
	}
}
