package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
)

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("CLI_TEST_PRESERVE_FDS")); err == nil {
		count, holes, err := preserved(1, n-1)
		fmt.Print(count, holes, err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// stamp is the time of every message in these tests, as text and json have it.
const stamp = "2026-01-02T03:04:05Z"

func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC) }

type result struct {
	code        int
	out, errout string
}

// crun runs the program with arguments, split at spaces.
func crun(args string) result {
	argv := []string{"crun-go"}
	for _, arg := range strings.Fields(args) {
		argv = append(argv, strings.ReplaceAll(arg, "''", ""))
	}
	var out, errout bytes.Buffer
	inv := &invocation{version: "1.2.3", commit: "abc", stdout: &out, stderr: &errout}
	inv.log.now = now
	code := inv.run(argv)
	return result{code, out.String(), errout.String()}
}

// textLine is what standard error gets without --log.
func textLine(msg, rest string) string {
	return `time="` + stamp + `" level=error msg=` + strconv.Quote(msg) + rest + "\n"
}

// missingLine is what standard error gets for an id that no container in a root has, nor one like it.
func missingLine(root string) string {
	return hinted("searched in "+root, textLine("container does not exist", " code=not-found"))
}

// hinted is what standard error gets without --log: the hint, and as the last line the error.
func hinted(hint, line string) string { return "hint: " + hint + "\n" + line }

// usageHints come before the errors of TestUsage, on a line of their own.
var usageHints = map[string]string{
	"create --preserve-fds x y":  "--preserve-fds takes a whole number",
	"kill -9 x":                  "the signal has no dash and follows the id: kill ID 9",
	"exec -it x sh":              "flags are not joined: say -t; -i is not needed: the process always has the caller's standard input",
	"events --interval 5 x":      "a unit is missing: 5s is 5 seconds; the others are ms, m and h",
	"--log-format xml state a":   "--log-format is text or json",
	"--log-level loud state a":   "--log-level is error, warning or debug",
	"--cgroup-manager x state a": "--cgroup-manager is cgroupfs, systemd or disabled",
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args    string
		code    int
		out     string // standard output begins so; "" is nothing at all
		message string // and the error says so
	}{
		{"", 0, "NAME:\n   crun-go - ", ""},
		{"--help", 0, "NAME:\n   crun-go - ", ""},
		{"help", 0, "NAME:\n   crun-go - ", ""},
		{"state --help", 0, "NAME:\n   crun-go state - ", ""},
		{"state -h", 0, "NAME:\n   crun-go state - ", ""},
		{"help kill", 0, "NAME:\n   crun-go kill - ", ""},
		{"h kill", 0, "NAME:\n   crun-go kill - ", ""},
		{"h", 0, "NAME:\n   crun-go - ", ""},
		{"-h", 0, "NAME:\n   crun-go - ", ""},
		{"-?", 0, "NAME:\n   crun-go - ", ""},
		{"state -?", 0, "NAME:\n   crun-go state - ", ""},
		{"state --help x y", 0, "NAME:\n   crun-go state - ", ""},
		{"--help state", 0, "NAME:\n   crun-go state - ", ""},
		{"help help", 0, "NAME:\n   crun-go help - ", ""},
		{"help --help", 0, "NAME:\n   crun-go help - ", ""},
		{"help a b", 1, "Incorrect Usage.\n\nNAME:\n   crun-go help - ", `crun-go: "help" requires a maximum of 1 argument(s)`},
		{"--help foo", 3, "", "No help topic for 'foo'"},
		{"--root=/ --usage", 0, "Usage: crun-go [--root DIR] [--log FILE] ", ""},
		{"foo", 3, "", "No help topic for 'foo'"},
		{"help foo", 3, "", "No help topic for 'foo'"},
		{"--bogus", 1, "Incorrect Usage. flag provided but not defined: -bogus\n\nNAME:\n   crun-go - ", "flag provided but not defined: -bogus"},
		{"--root", 1, "Incorrect Usage. flag needs an argument: -root\n\n", "flag needs an argument: -root"},
		{"state --bogus x", 1, "Incorrect Usage: flag provided but not defined: -bogus\n\nNAME:\n   crun-go state - ", "flag provided but not defined: -bogus"},
		{"create --preserve-fds x y", 1, "Incorrect Usage: invalid value \"x\" for flag -preserve-fds: parse error\n\n", `invalid value "x" for flag -preserve-fds: parse error`},
		{"create --preserve-fds -1 y", 1, "", `crun-go create failed: invalid value "-1" for flag -preserve-fds: must not be negative`},
		{"create", 1, "Incorrect Usage.\n\nNAME:\n   crun-go create - ", `crun-go: "create" requires exactly 1 argument(s)`},
		{"start a b", 1, "Incorrect Usage.\n\n", `crun-go: "start" requires exactly 1 argument(s)`},
		{"state", 1, "Incorrect Usage.\n\n", `crun-go: "state" requires exactly 1 argument(s)`},
		{"run", 1, "Incorrect Usage.\n\n", `crun-go: "run" requires exactly 1 argument(s)`},
		{"delete", 1, "Incorrect Usage.\n\n", `crun-go: "delete" requires exactly 1 argument(s)`},
		{"kill", 1, "Incorrect Usage.\n\n", `crun-go: "kill" requires a minimum of 1 argument(s)`},
		{"kill a b c", 1, "Incorrect Usage.\n\n", `crun-go: "kill" requires a maximum of 2 argument(s)`},
		{"list x", 1, "Incorrect Usage.\n\n", `crun-go: "list" requires exactly 0 argument(s)`},
		{"spec x", 1, "Incorrect Usage.\n\n", `crun-go: "spec" requires exactly 0 argument(s)`},
		{"features x", 1, "Incorrect Usage.\n\n", `crun-go: "features" requires exactly 0 argument(s)`},
		{"plan a b", 1, "Incorrect Usage.\n\n", `crun-go: "plan" requires a maximum of 1 argument(s)`},
		{"kill x --bogus", 1, "Incorrect Usage: flag provided but not defined: -bogus\n\nNAME:\n   crun-go kill - ", "flag provided but not defined: -bogus"},
		{"delete x -- --force", 1, "Incorrect Usage.\n\n", `crun-go: "delete" requires exactly 1 argument(s)`},
		{"state x --help", 0, "NAME:\n   crun-go state - ", ""},
		{"kill -9 x", 1, "Incorrect Usage: flag provided but not defined: -9\n\n", "flag provided but not defined: -9"},
		{"exec -it x sh", 1, "Incorrect Usage: flag provided but not defined: -it\n\n", "flag provided but not defined: -it"},
		{"events --interval 5 x", 1, "Incorrect Usage: invalid value \"5\" for flag -interval: parse error\n\n", `invalid value "5" for flag -interval: parse error`},
		{"--log-format xml state a", 1, "", "invalid log-format: xml"},
		{"--log-level loud state a", 1, "", "invalid log-level: loud"},
		{"--cgroup-manager x state a", 1, "", "invalid cgroup-manager: x"},
		{"--root / state a", 1, "", "Option --root argument should not be set to /"},
		{"--root /../. state a", 1, "", "Option --root argument should not be set to /"},
	} {
		got := crun(c.args)
		want := ""
		if c.message != "" {
			want = textLine(c.message, "")
		}
		hint := usageHints[c.args]
		if c.code == exitNoCommand {
			hint = "crun-go --help lists the commands"
		}
		if hint != "" {
			want = hinted(hint, want)
		}
		if got.code != c.code || got.errout != want || !strings.HasPrefix(got.out, c.out) || c.out == "" && got.out != "" {
			t.Errorf("crun-go %s: rc %d (want %d)\nstderr %q\n  want %q\nstdout %.90q\n  want %q", c.args, got.code, c.code, got.errout, want, got.out, c.out)
		}
	}
}

// Engines write flags in every way that Go's flag package takes, and pass some that mean nothing any more.
func TestFlagSpelling(t *testing.T) {
	root := t.TempDir()
	for _, args := range []string{
		"--root " + root, "--root=" + root, "-root " + root, "-root=" + root,
		"--root " + root + " --systemd-cgroup", "--root " + root + " --cgroup-manager disabled",
		"--root " + root + " --rootless=true", "--root " + root + " -rootless false --criu /usr/sbin/criu",
		"--debug --log-format=json --log-level warning --root " + root,
	} {
		got := crun(args + " list")
		if got.code != 0 || got.errout != "" {
			t.Errorf("%s list: %+v", args, got)
		}
	}
	for _, args := range []string{"kill -all -- none 9", "kill -a=true none", "kill none --all 9", "kill none 9 -a", "delete none -- ", "update none --cpu-quota -1"} {
		if got := crun("--root " + root + " -- " + args); got.errout != hinted("searched in "+root+", which has no containers", textLine("container does not exist", " code=not-found")) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	if got := crun("--root /nowhere -root " + root + " list -f table -format json"); got != (result{0, "null\n", ""}) {
		t.Errorf("flags given twice: %+v, want their last values", got)
	}
	for _, name := range []string{"h", "help"} {
		if got := crun("--root " + root + " state " + name); !strings.HasSuffix(got.errout, textLine("container does not exist", " code=not-found")) {
			t.Errorf("state %s: %q, want an id and not a request for help", name, got.errout)
		}
	}
}

// Moby splits every line with "version" in it, go-runc wants the prefixes.
func TestVersion(t *testing.T) {
	want := "crun-go version 1.2.3\ncommit: abc\nspec: 1.3.0\ngo: go1."
	for _, args := range []string{"--version", "-v", "-V", "version", "--root / --version"} {
		got := crun(args)
		if got.code != 0 || !strings.HasPrefix(got.out, want) || strings.Count(got.out, "version") != 1 || !strings.HasSuffix(got.out, "\n") {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestDefaultRoot(t *testing.T) {
	for _, c := range []struct {
		euid      int
		xdg, user string
		inUserNS  bool
		root      string
		isXDG     bool
	}{
		{0, "", "", false, "/run/crun-go", false},
		{0, "/run/user/0", "root", false, "/run/crun-go", false},
		{0, "/run/user/0", "", false, "/run/crun-go", false},
		{0, "/run/user/5", "", true, "/run/user/5/crun-go", true},
		{0, "/run/user/5", "joe", true, "/run/user/5/crun-go", true},
		{0, "/run/user/5", "root", true, "/run/crun-go", false},
		{0, "", "joe", true, "/run/crun-go", false},
		{5, "/run/user/5", "root", false, "/run/user/5/crun-go", true},
		{5, "", "joe", false, "/run/user/5/crun-go", true},
		{6, "", "joe", false, "/run/crun-go", false},
	} {
		env := func(key string) string {
			return map[string]string{"XDG_RUNTIME_DIR": c.xdg, "USER": c.user}[key]
		}
		root, isXDG := defaultRoot(c.euid, env, func() bool { return c.inUserNS },
			func(dir string, uid int) bool { return dir == "/run/user/5" && uid == 5 })
		if root != c.root || isXDG != c.isXDG {
			t.Errorf("%+v: got %s, %v", c, root, isXDG)
		}
	}
}

func TestMakeXDGRoot(t *testing.T) {
	defer unix.Umask(unix.Umask(0o022))
	dir := filepath.Join(t.TempDir(), "crun-go")
	inv := &invocation{global: global{root: dir, rootGiven: true}}
	if err := inv.makeXDGRoot(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("made a root that is not below $XDG_RUNTIME_DIR")
	}
	inv.global = global{root: dir, rootXDG: true}
	if err := inv.makeXDGRoot(); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode() != os.ModeDir|os.ModeSticky|0o700 {
		t.Errorf("%v, %v, want mode 01700", st, err)
	}
	plain := &invocation{global: global{root: "/run/crun-go"}}
	for path, want := range map[string]bool{"/run/crun-go/one": true, "/run/crun-go": true, "/bundle/config.json": false} {
		err := &fs.PathError{Op: "mkdir", Path: path, Err: unix.EACCES}
		if got := plain.hintRoot(err); (describe(got).hint != "") != want || !errors.Is(got, unix.EACCES) {
			t.Errorf("%s: %v, %+v", path, got, describe(got))
		}
	}
	inv.global.root = "/proc/crun-go"
	if err := inv.makeXDGRoot(); err == nil || describe(err).hint != "the path in $XDG_RUNTIME_DIR must be writable by the user" {
		t.Errorf("root that can't be made: %v, %+v", err, describe(err))
	}
}

// TestPreserved: 3, 4 and 7 are open, and 3 is a socket of LISTEN_FDS.
func TestPreserved(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for n, want := range map[string]string{
		"1": "0 [] <nil>", "2": "1 [] <nil>", "3": "1 [] <nil>", "5": "4 [5 6] <nil>",
	} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{"CLI_TEST_PRESERVE_FDS=" + n}
		cmd.ExtraFiles = []*os.File{null, null, nil, nil, null}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s wanted: %q, %v, want %q", n, out, err, want)
		}
	}
}

func TestListenFDs(t *testing.T) {
	for _, c := range []struct {
		fds, pid string
		want     int
	}{{"2", "7", 2}, {"2", "8", 0}, {"2", "", 0}, {"", "7", 0}, {"-2", "7", 0}, {"x", "7", 0}} {
		env := func(key string) string { return map[string]string{"LISTEN_FDS": c.fds, "LISTEN_PID": c.pid}[key] }
		if got := listenFDs(env, 7); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

func TestComplete(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	inv := &invocation{global: global{root: "/r", systemdCgroup: true, cgroupManager: "systemd", rootless: "true"}}
	o := &bundle.Options{Config: configName}
	o.Bundle, o.PidFile, o.ConsoleSocket = "b", "pid", "/c"
	if err := os.Mkdir("b", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := inv.complete(o, "web"); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		o.Bundle: dir + "/b", o.Config: dir + "/b/config.json", o.PidFile: dir + "/pid", o.ConsoleSocket: "/c",
		o.PidfdSocket: "", o.ID: "web", o.Root: "/r", o.CgroupManager: "systemd", o.Rootless: "true",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	o = &bundle.Options{Config: configName}
	if inv.complete(o, "x") != nil || o.Bundle != dir {
		t.Errorf("bundle %q, want the current directory", o.Bundle)
	}
}
