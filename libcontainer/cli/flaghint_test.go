package cli

import (
	"strings"
	"testing"
)

func TestRootlessWord(t *testing.T) {
	for text, want := range map[string]string{
		"": "auto", "auto": "auto", "Auto": "auto", "true": "true", "1": "true", "T": "true", "false": "false", "0": "false", "False": "false",
		"maybe": "invalid rootless: maybe", "yes": "invalid rootless: yes",
	} {
		got, err := rootlessWord(text)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("--rootless=%s: %s, want %s", text, got, want)
		}
	}
}

// What people may have meant by a flag that there is not, or a value that it does not take. Nothing is said of what nobody
// can guess.
func TestFlagHints(t *testing.T) {
	const stdin = "the process always has the caller's standard input"
	for args, want := range map[string]string{
		"kill -KILL x":               "the signal has no dash and follows the id: kill ID KILL",
		"kill --sigterm x":           "the signal has no dash and follows the id: kill ID sigterm",
		"kill -a -15 x":              "the signal has no dash and follows the id: kill ID 15",
		"kill -s KILL x":             "the signal takes no flag and follows the id: kill ID TERM",
		"kill --signal=KILL x":       "the signal takes no flag and follows the id: kill ID TERM",
		"kill --nosuch x":            "",
		"exec -ti x sh":              "flags are not joined: say -t; -i is not needed: " + stdin,
		"exec -dt x sh":              "flags are not joined: say -d -t",
		"exec -e -it -dt x sh":       "flags are not joined: say -d -t",
		"exec -i x sh":               "leave out -i: " + stdin,
		"exec --interactive x sh":    "leave out --interactive: " + stdin,
		"exec -itz x sh":             "",
		"exec -ii x sh":              "",
		"exec -z x sh":               "",
		"run -it x":                  "process.terminal in config.json says whether there is a terminal; standard input is always the caller's",
		"create --tty x":             "process.terminal in config.json says whether there is a terminal; standard input is always the caller's",
		"run --root /r x":            "--root stands before the command: crun-go --root ... run",
		"--bundle b run x":           "flags of a command follow it, as in crun-go create --bundle",
		"--nosuch run x":             "",
		"events --interval=5 x":      "a unit is missing: 5s is 5 seconds; the others are ms, m and h",
		"events -interval 30 x":      "a unit is missing: 30s is 30 seconds; the others are ms, m and h",
		"events --interval 5x x":     "a time is a number and a unit, such as 500ms, 5s, 1m or 1h",
		"events --interval= x":       "a time is a number and a unit, such as 500ms, 5s, 1m or 1h",
		"events --interval -x x":     "a time is a number and a unit, such as 500ms, 5s, 1m or 1h",
		"events --interval 5s ---x":  "",
		"events --interval":          "a time is a number and a unit, such as 500ms, 5s, 1m or 1h",
		"events ---x":                "",
		"events --stats=maybe x":     "--stats takes no value, or true or false after an equals sign",
		"exec --preserve-fds 1x x a": "--preserve-fds takes a whole number",
		"exec -g me x sh":            "",
	} {
		got := crun(args)
		hint, _, _ := strings.Cut(got.errout, "\n")
		if hint, _ = strings.CutPrefix(hint, "hint: "); strings.HasPrefix(hint, "time=") {
			hint = ""
		}
		if got.code != exitFailure || hint != want || !strings.HasPrefix(got.out, "Incorrect Usage") {
			t.Errorf("crun-go %s: %d, hint %q, want %q\n%s", args, got.code, hint, want, got.errout)
		}
	}
}
