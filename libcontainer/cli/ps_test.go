package cli

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/state"
)

func TestPIDArray(t *testing.T) {
	for want, pids := range map[string][]int{"null": nil, "[]": {}, "[4300,4301]": {4300, 4301}} {
		if got := pidArray(pids); got != want {
			t.Errorf("%v: %s, want %s", pids, got, want)
		}
	}
}

// go-runc passes all options as one word.
func TestPSOptions(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "-ef"},
		{"-ef --forest", "-ef|--forest"},
		{"-eo|pid,args=THE COMMAND", "-eo|pid,args=THE COMMAND"},
		{"aux", "aux"},
	} {
		var args []string
		if c.args != "" {
			args = strings.Split(c.args, "|")
		}
		if got := strings.Join(psOptions(args), "|"); got != c.want {
			t.Errorf("%q: %q, want %q", c.args, got, c.want)
		}
	}
}

func TestSelectPIDs(t *testing.T) {
	pids := []int{4300, 4301}
	for _, c := range []struct{ name, table, want string }{
		{"ps -ef", golden(t, "ps.all.txt"), golden(t, "ps.table.txt")},
		{"no line", "  PID TTY\n 4299 ?\n", "  PID TTY\n"},
		{"a cell with blanks before",
			"COMMAND             PID\nWeb Content        4299\nsd 4301 x          4300\nkworker/0:1        4301\n",
			"COMMAND             PID\nsd 4301 x          4300\nkworker/0:1        4301\n"},
		{"a cell too wide before",
			"USER         PID\nroot        4299\nsystemd-resolve-long 4300\n",
			"USER         PID\nsystemd-resolve-long 4300\n"},
		{"busybox's, not aligned",
			"PID   USER     COMMAND\n    1 root     init\n 4300 root     sleep 1\n",
			"PID   USER     COMMAND\n 4300 root     sleep 1\n"},
		{"PPID before PID", "   PPID     PID\n   4300    4299\n   4299    4301\n", "   PPID     PID\n   4299    4301\n"},
	} {
		if got, err := selectPIDs(c.table, pids); err != nil || got != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.name, err, got, c.want)
		}
	}
	for _, table := range []string{"", "PPID TTY\n", " 4300 ?\n"} {
		if _, err := selectPIDs(table, pids); err == nil || err.Error() != "couldn't find PID field in ps output" || describe(err).hint != "add the column: -o pid,..." {
			t.Errorf("%q: %v", table, err)
		}
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/tool", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/text", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/dir", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, c := range []struct{ path, name, want string }{
		{dir, "tool", dir + "/tool"},
		{"/nowhere::" + dir, "tool", dir + "/tool"},
		{"", "sh", ""},
		{".", "tool", `exec: "tool": executable file not found in $PATH`},
		{":", "tool", `exec: "tool": executable file not found in $PATH`},
		{dir, "text", "exec: access " + dir + "/text: permission denied"},
		{"/etc/passwd:" + dir, "tool", dir + "/tool"},
		{dir, "dir", `exec: "dir": executable file not found in $PATH`},
		{"", "no-such-tool", `exec: "no-such-tool": executable file not found in $PATH`},
	} {
		got, err := lookPath(c.name, func(string) string { return c.path })
		if err != nil {
			got = err.Error()
		}
		if got != c.want && !(c.want == "" && strings.HasSuffix(got, "/sh")) {
			t.Errorf("%q in %q: %s, want %s", c.name, c.path, got, c.want)
		}
	}
}

func TestOutput(t *testing.T) {
	for _, c := range []struct{ script, out, complaint string }{
		{"echo a; echo b >&2", "a\n", ""},
		{"echo a; echo ' bad' >&2; echo help >&2; exit 3", "", "exit status 3: bad"},
		{"exit 4", "", "exit status 4"},
		{"kill -9 $$", "", "signal: killed"},
		{"read line || echo nothing", "nothing\n", ""},
	} {
		out, complaint, err := output("/bin/sh", []string{"sh", "-c", c.script})
		if out != c.out || complaint != c.complaint || err != nil {
			t.Errorf("%s: %q, %q, %v", c.script, out, complaint, err)
		}
	}
	if _, _, err := output("/nowhere/sh", []string{"sh"}); err == nil {
		t.Error("a missing program: no error")
	}
}

func TestLiveCommands(t *testing.T) {
	root := t.TempDir()
	container(t, root, "stopped", false, nil)
	container(t, root, "running", true, nil) // without a cgroup
	container(t, root, "creating", true, func(s *state.State) { s.Status = "creating" })
	missing := missingLine(root)
	idle := textLine("container not running", " code=not-running")
	awake := textLine("container not paused", " code=not-paused")
	for _, c := range []struct{ args, out, errout string }{
		{"pause none", "", missing},
		{"resume none", "", missing},
		{"ps none", "", missing},
		{"pause stopped", "", idle},
		{"pause creating", "", idle},
		{"pause running", "", noCgroupText()},
		{"resume stopped", "", awake},
		{"resume running", "", awake},
		{"ps -f json stopped", "null\n", ""},
		{"ps --format json running", "[" + strconv.Itoa(os.Getpid()) + "]\n", ""},
		{"ps --format yaml running", "", hinted(`--format is table or json, not "yaml"`, textLine("invalid format option", ""))},
	} {
		got := crun("--root " + root + " " + c.args)
		code := 0
		if c.errout != "" {
			code = 1
		}
		if want := (result{code, c.out, c.errout}); got != want {
			t.Errorf("crun-go %s:\n got %+v\nwant %+v", c.args, got, want)
		}
	}
	t.Setenv("PATH", "/nowhere")
	want := hinted("install ps(1), which Linux distributions have in their package procps, or ask for --format json",
		textLine(`exec: "ps": executable file not found in $PATH`, ""))
	if got := crun("--root " + root + " ps running"); got.code != 1 || got.errout != want {
		t.Errorf("no ps: %+v\nwant %s", got, want)
	}
}

func noCgroupText() string {
	return hinted("recreate the container: use --systemd-cgroup, so that the user's systemd makes the cgroup, "+
		"or start from a scope of its own: systemd-run --user --scope -p Delegate=yes ...",
		textLine("linux.cgroupsPath: the container has no cgroup of its own", " code=config field=linux.cgroupsPath"))
}
