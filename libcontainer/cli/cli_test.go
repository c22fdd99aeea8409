package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/state"
)

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("CLI_TEST_PRESERVE_FDS")); err == nil {
		if err := checkPreserved(n); err != nil {
			os.Stdout.WriteString(err.Error())
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// stamp is the time of every message in these tests, as text and json have it.
const stamp = "2026-01-02T03:04:05Z"

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
	inv.log.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC) }
	code := inv.run(argv)
	return result{code, out.String(), errout.String()}
}

// textLine is what standard error gets without --log.
func textLine(msg, rest string) string {
	return `time="` + stamp + `" level=error msg=` + strconv.Quote(msg) + rest + "\n"
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
		{"foo", 3, "", "No help topic for 'foo'"},
		{"help foo", 3, "", "No help topic for 'foo'"},
		{"--bogus", 1, "Incorrect Usage. flag provided but not defined: -bogus\n\nNAME:\n   crun-go - ", "flag provided but not defined: -bogus"},
		{"--root", 1, "Incorrect Usage. flag needs an argument: -root\n\n", "flag needs an argument: -root"},
		{"state --bogus x", 1, "Incorrect Usage: flag provided but not defined: -bogus\n\nNAME:\n   crun-go state - ", "flag provided but not defined: -bogus"},
		{"create --preserve-fds x y", 1, "Incorrect Usage: invalid value \"x\" for flag -preserve-fds: parse error\n\n", `invalid value "x" for flag -preserve-fds: parse error`},
		{"create --preserve-fds -1 y", 1, "", `invalid value "-1" for flag -preserve-fds: must not be negative`},
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
	for _, name := range []string{"h", "help"} {
		if got := crun("--root " + root + " state " + name); got.errout != textLine("container does not exist", " code=not-found") {
			t.Errorf("state %s: %q, want an id and not a request for help", name, got.errout)
		}
	}
}

// Moby splits every line with "version" in it, go-runc wants the prefixes.
func TestVersion(t *testing.T) {
	want := "crun-go version 1.2.3\ncommit: abc\nspec: 1.3.0\ngo: go1."
	for _, args := range []string{"--version", "-v", "version", "--root / --version"} {
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
		{5, "", "joe", false, "/run/crun-go", false},
	} {
		env := func(key string) string {
			return map[string]string{"XDG_RUNTIME_DIR": c.xdg, "USER": c.user}[key]
		}
		root, isXDG := defaultRoot(c.euid, env, func() bool { return c.inUserNS })
		if root != c.root || isXDG != c.isXDG {
			t.Errorf("%+v: got %s, %v", c, root, isXDG)
		}
	}
}

func TestMakeXDGRoot(t *testing.T) {
	defer unix.Umask(unix.Umask(0o022))
	dir := filepath.Join(t.TempDir(), "crun-go")
	inv := &invocation{global: global{root: dir}}
	if err := inv.makeXDGRoot(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("made a root that is not below $XDG_RUNTIME_DIR")
	}
	inv.global.rootXDG = true
	if err := inv.makeXDGRoot(); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode() != os.ModeDir|os.ModeSticky|0o700 {
		t.Errorf("%v, %v, want mode 01700", st, err)
	}
	inv.global.root = "/proc/crun-go"
	if err := inv.makeXDGRoot(); err == nil || describe(err).hint != "the path in $XDG_RUNTIME_DIR must be writable by the user" {
		t.Errorf("root that can't be made: %v, %+v", err, describe(err))
	}
}

func TestCheckPreserved(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for n, want := range map[string]string{
		"0": "", "2": "", "3": "preserve descriptor 5: not open", "500": "preserve descriptor 5: not open",
	} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{"CLI_TEST_PRESERVE_FDS=" + n}
		cmd.ExtraFiles = []*os.File{null, null}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("2 descriptors, --preserve-fds %s: %q, %v, want %q", n, out, err, want)
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
	o := &libcontainer.Options{Config: configName}
	o.Bundle, o.PidFile, o.ConsoleSocket = "b", "pid", "/c"
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
	o = &libcontainer.Options{Config: configName}
	if inv.complete(o, "x") != nil || o.Bundle != dir {
		t.Errorf("bundle %q, want the current directory", o.Bundle)
	}
}

// container makes a container's state. If it is alive, its process is that of the test.
func container(t *testing.T, root, id string, alive bool, change func(*state.State)) *state.Dir {
	t.Helper()
	s := &state.State{
		Container: plan.Container{
			ID: id, Bundle: "/srv/web", Rootfs: "/srv/web/rootfs", OCIVersion: "1.3.0",
			Annotations: map[string]string{"com.example.key": "value"},
		},
		Config:  "/srv/web/config.json",
		Status:  specs.StateCreated,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC),
		Init:    state.Process{PID: os.Getpid(), Start: 1}, // somebody else by now
	}
	if alive {
		stat, err := os.ReadFile("/proc/self/stat")
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if s.Init.Start, err = strconv.ParseUint(fields[19], 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(s)
	}
	dir, err := state.Create(root, id)
	if err == nil {
		err = dir.Save(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Commands take the lock.
	if err := unix.Flock(dir.FD(), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func TestCommands(t *testing.T) {
	root := t.TempDir()
	container(t, root, "stopped", false, nil)
	container(t, root, "running", true, nil)
	if err := os.Mkdir(root+"/half", 0o711); err != nil {
		t.Fatal(err)
	}
	missing := textLine("container does not exist", " code=not-found")
	stopped := textLine("container not running", " code=not-running")
	for _, c := range []struct {
		args   string
		code   int
		errout string
	}{
		{"start none", 1, missing},
		{"state none", 1, missing},
		{"kill none", 1, missing},
		{"kill none BOGUS", 1, missing},
		{"delete none", 1, missing},
		{"delete --force none", 0, ""},
		{"state ''", 1, textLine("container id cannot be empty", "")},
		{"state ..", 1, textLine("invalid container ID format", " code=invalid-id")},
		{"delete -f a/b", 1, textLine("invalid container ID format", " code=invalid-id")},
		{"start stopped", 1, textLine("cannot start a container that has stopped", "")},
		{"start running", 1, textLine("cannot start an already running container", "")},
		{"kill stopped", 1, stopped},
		{"kill stopped KILL", 1, stopped},
		{"kill --all stopped KILL", 0, ""},
		{"kill -a stopped 9", 0, ""},
		{"kill stopped BOGUS", 1, textLine(`unknown signal "BOGUS"`, "")},
		{"kill running BOGUS", 1, textLine(`unknown signal "BOGUS"`, "")},
		{"kill running 0", 0, ""},
		{"delete running", 1, textLine("cannot delete container running that is not stopped: running", "")},
		{"state half", 1, missing},
		{"delete half", 1, missing},
		{"delete stopped", 0, ""},
		{"delete stopped", 1, missing},
		{"create --bundle /none x", 1, ""},
		{"run --bundle=/none x", 1, ""},
	} {
		got := crun("--root " + root + " " + c.args)
		if c.errout == "" && c.code != 0 { // the command's own prefix, and something of the kernel's
			name, _, _ := strings.Cut(c.args, " ")
			if !strings.Contains(got.errout, `msg="crun-go `+name+` failed: `) || !strings.Contains(got.errout, "no such file or directory") {
				t.Errorf("%s: stderr %q", c.args, got.errout)
			}
			got.errout = ""
		}
		if want := (result{c.code, "", c.errout}); got != want {
			t.Errorf("crun-go %s:\n got %+v\nwant %+v", c.args, got, want)
		}
	}
	if _, err := os.Stat(root + "/half"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("delete left the directory of a half-made container: %v", err)
	}
}

// Whatever is in its directory, delete --force removes a container.
func TestDeleteBroken(t *testing.T) {
	for _, journal := range []string{"", "broken", "{}", `{"id":"other"}`} {
		root := t.TempDir()
		if err := errors.Join(os.Mkdir(root+"/x", 0o711), os.WriteFile(root+"/x/state.json", []byte(journal), 0o600)); err != nil {
			t.Fatal(err)
		}
		if got := crun("--root " + root + " delete x"); got.code != 1 || !strings.Contains(got.errout, "read state of container x: ") {
			t.Errorf("journal %q, delete: %+v", journal, got)
		}
		if got := crun("--root " + root + " delete --force x"); got.code != 0 || got.errout != "" {
			t.Errorf("journal %q, delete --force: %+v", journal, got)
		}
		if _, err := os.Stat(root + "/x"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("journal %q: directory is still there: %v", journal, err)
		}
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestState(t *testing.T) {
	root := t.TempDir()
	container(t, root, "web", false, nil)
	if got := crun("--root " + root + " state web"); got != (result{0, golden(t, "state-cmd.stopped.json"), ""}) {
		t.Errorf("stopped: %+v", got)
	}
	dir := container(t, root, "live", true, func(s *state.State) { s.Container.Annotations = nil })
	for _, word := range []string{"running", "created"} {
		if word == "created" {
			if err := dir.MakeFifo(os.Getuid(), os.Getgid()); err != nil {
				t.Fatal(err)
			}
		}
		var doc struct {
			ID, Status  string
			PID         int
			Annotations map[string]string
		}
		got := crun("--root " + root + " state live")
		if err := json.Unmarshal([]byte(got.out), &doc); err != nil || doc.Status != word || doc.PID != os.Getpid() {
			t.Errorf("%s: %v in %+v", word, err, got)
		}
		if strings.Contains(got.out, "annotations") {
			t.Errorf("empty annotations: %s", got.out)
		}
	}
}

func samples() []*status {
	return []*status{
		{
			ociVersion: "1.3.0", id: "web", pid: 4242, word: "running", bundle: "/srv/web", rootfs: "/srv/web/rootfs",
			created: time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC), annotations: map[string]string{"com.example.key": "value"},
			owner: "root",
		},
		{
			ociVersion: "1.3.0", id: "worker-longer-name", pid: 4300, word: "running", bundle: "/srv/worker-longer-name",
			rootfs: "/srv/worker-longer-name/rootfs", created: time.Date(2026, 1, 2, 3, 4, 6, 123456780, time.UTC), owner: "root",
		},
	}
}

func TestListLayout(t *testing.T) {
	var table, array bytes.Buffer
	if err := errors.Join(printTable(&table, samples()), printList(&array, samples())); err != nil {
		t.Fatal(err)
	}
	if want := golden(t, "list.table.txt"); table.String() != want {
		t.Errorf("table\n%s, want\n%s", table.String(), want)
	}
	if want := golden(t, "list.json"); array.String() != want {
		t.Errorf("json\n%s, want\n%s", array.String(), want)
	}
	list := samples()
	list[0].word, list[0].pid, list[1].word = "stopped", 0, "paused"
	table.Reset()
	if err := printTable(&table, list); err != nil || table.String() != golden(t, "list-stopped-paused.table.txt") {
		t.Errorf("table\n%s, %v", table.String(), err)
	}
}

func TestList(t *testing.T) {
	root := t.TempDir()
	if got := crun("--root " + root + " list --format json"); got != (result{0, "null\n", ""}) {
		t.Errorf("no containers: %+v", got)
	}
	if got, want := crun("--root "+root+" list").out, "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"; got != want {
		t.Errorf("no containers: %q, want %q", got, want)
	}
	container(t, root, "b", false, nil)
	container(t, root, "a", false, nil)
	err := errors.Join(os.Mkdir(root+"/half", 0o711), os.Mkdir(root+"/bad", 0o711),
		os.WriteFile(root+"/bad/state.json", []byte("broken"), 0o600), os.WriteFile(root+"/file", nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	complaint := "load container bad: read state of container bad: state.json:1:1: expected an object, found 'b'\n"
	if got := crun("--root " + root + " list -q"); got != (result{0, "a\nb\n", complaint}) {
		t.Errorf("list -q: %+v", got)
	}
	if got := crun("--root " + root + " list -f yaml"); got.code != 1 || !strings.Contains(got.errout, "invalid format option") {
		t.Errorf("list -f yaml: %+v", got)
	}
	got := crun("--root " + root + "/none list")
	if want := textLine("open "+root+"/none: no such file or directory", " code=system errno=ENOENT"); got != (result{1, "", want}) {
		t.Errorf("missing root: %+v", got)
	}
}

func TestUserName(t *testing.T) {
	passwd := "root:x:0:0:root:/root:/bin/sh\n\n# comment\nbad\njoe:x:1000:100::/home/joe:\nmax:x:100:1::/:\n"
	for uid, want := range map[int]string{0: "root", 1000: "joe", 100: "max", 1: "", 10: ""} {
		if got := userName(strings.NewReader(passwd), uid); got != want {
			t.Errorf("userName(%d) = %q, want %q", uid, got, want)
		}
	}
}

func TestSpec(t *testing.T) {
	if got := startSpec(); got != golden(t, "spec.json") {
		t.Errorf("spec:\n%s", got)
	}
	if got := rootlessSpec(0, 0); got != golden(t, "spec-rootless.json") {
		t.Errorf("spec --rootless:\n%s", got)
	}
	if got := rootlessSpec(1000, 100); !json.Valid([]byte(got)) || !strings.Contains(got, `"hostID": 1000,`) || !strings.Contains(got, `"hostID": 100,`) {
		t.Errorf("spec --rootless of 1000:100:\n%s", got)
	}
	defer unix.Umask(unix.Umask(0o022))
	dir := t.TempDir()
	t.Chdir(dir)
	if got := crun("spec"); got != (result{}) {
		t.Errorf("spec: %+v", got)
	}
	if st, err := os.Stat(dir + "/config.json"); err != nil || st.Mode() != 0o644 {
		t.Errorf("config.json: %v, %v, want mode 0644", st, err)
	}
	if got := crun("spec --bundle " + dir); got != (result{1, "", textLine("File config.json exists. Remove it first", "")}) {
		t.Errorf("second spec: %+v", got)
	}
	if got := crun("spec -b /none"); got.code != 1 || !strings.Contains(got.errout, "chdir /none: no such file or directory") {
		t.Errorf("spec -b /none: %+v", got)
	}
}

func TestFeatures(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/none")
	got := crun("features")
	var doc struct {
		OCIVersionMin, OCIVersionMax string
		Hooks, MountOptions          []string
		Linux                        struct {
			Namespaces, Capabilities []string
			Cgroup                   map[string]bool
			Seccomp                  struct {
				Enabled                                               bool
				Actions, Operators, Archs, KnownFlags, SupportedFlags []string
			}
			MountExtensions map[string]struct{ Enabled bool }
		}
		Annotations map[string]string
	}
	if err := json.Unmarshal([]byte(got.out), &doc); err != nil || got.code != 0 || !strings.HasSuffix(got.out, "}\n") {
		t.Fatalf("%v in %+v", err, got)
	}
	l := doc.Linux
	if doc.OCIVersionMin != "1.0.0" || doc.OCIVersionMax != "1.3.0" || len(doc.Hooks) != 6 || l.Cgroup["v1"] || !l.Cgroup["v2"] {
		t.Errorf("%+v", doc)
	}
	if len(l.Seccomp.Actions) == 0 || len(l.Seccomp.Archs) == 0 || len(l.Seccomp.Operators) == 0 || len(l.Seccomp.SupportedFlags) == 0 {
		t.Errorf("seccomp: %+v", l.Seccomp)
	}
	// What containerd, moby and CRI-O look for.
	if !contains(doc.MountOptions, "rro") || !contains(l.Namespaces, "user") || !l.MountExtensions["idmap"].Enabled {
		t.Errorf("mountOptions %v, namespaces %v, mountExtensions %v", doc.MountOptions, l.Namespaces, l.MountExtensions)
	}
	if !strings.Contains(got.out, "\n    \"ociVersionMax\": \"1.3.0\",\n    \"hooks\": [\n        \"prestart\",\n") {
		t.Errorf("layout: %.200s", got.out)
	}
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
