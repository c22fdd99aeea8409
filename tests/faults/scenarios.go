package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A scenario is one command of a runtime, and what becomes of a container by it.
type scenario struct {
	name   string
	before [][]string // commands that come first, which no fault meets
	follow bool       // what the last of these leaves running is traced, too
	args   []string
	makes  bool     // it makes the container: when it fails there is none
	ends   bool     // it may fail and yet have ended the container
	only   []string // runtimes that have this command, all without
	// after says what is to be seen once it has succeeded; start of a created
	// container is part of that, so that the container describes itself.
	after func(w *worker) ([]string, error)
}

var (
	create = func(bundle string) []string { return []string{"create", "--bundle", workDir + "/" + bundle, "c"} }
	alive  = [][]string{{"run", "--detach", "--bundle", workDir + "/sleep", "c"}}
)

// scenarios are the commands that are swept, by name.
var scenarios = func() map[string]*scenario {
	run := func(flags ...string) []string { return append([]string{"run"}, flags...) }
	bundle := func(name string) string { return workDir + "/" + name }
	pidFile := workDir + "/pid"
	describe := []string{"/probe", "describe", "kernel.msgmax"}
	all := []*scenario{
		{name: "create", args: []string{"create", "--bundle", bundle("plain"), "--pid-file", pidFile, "c"}, makes: true, after: started},
		{name: "create user", args: create("user"), makes: true, after: started},
		{name: "create userns", args: create("userns"), makes: true, after: started},
		{name: "create hooks", args: create("hooks"), makes: true, after: started},
		{name: "start", before: [][]string{create("plain")}, follow: true, args: []string{"start", "c"}, ends: true, after: told},
		{name: "start user", before: [][]string{create("user")}, follow: true, args: []string{"start", "c"}, ends: true, after: told},
		{name: "start hooks", before: [][]string{create("hooks")}, follow: true, args: []string{"start", "c"}, ends: true, after: told},
		{name: "run", args: run("--bundle", bundle("plain"), "c"), makes: true, after: told},
		{name: "run user", args: run("--bundle", bundle("user"), "c"), makes: true, after: told},
		{name: "run detached", args: run("--detach", "--pid-file", pidFile, "--bundle", bundle("plain"), "c"), makes: true, after: told},
		{name: "exec", before: alive, args: append([]string{"exec", "c"}, describe...), after: told},
		{name: "exec user", before: alive, args: append([]string{"exec", "--user", "1000:1000", "c"}, describe...), after: told},
		{name: "exec detached", before: alive, args: append([]string{"exec", "--detach", "--pid-file", pidFile, "c"}, describe...), after: told},
		{name: "kill", before: alive, args: []string{"kill", "c", "KILL"}, ends: true, after: over},
		{name: "kill all", before: alive, args: []string{"kill", "--all", "c", "KILL"}, ends: true, after: over},
		{name: "delete", before: append(slices.Clone(alive), []string{"kill", "c", "KILL"}), args: []string{"delete", "c"}, ends: true, after: over},
		{name: "delete force", before: alive, args: []string{"delete", "--force", "c"}, ends: true, after: over},
		{name: "pause", before: alive, args: []string{"pause", "c"}},
		{name: "resume", before: append(slices.Clone(alive), []string{"pause", "c"}), args: []string{"resume", "c"}},
		{name: "update", before: alive, args: []string{"update", "--resources", workDir + "/limits.json", "c"}},
		{name: "mounts add", before: alive, args: []string{"mounts", "add", "c", workDir + "/mounts.json"}, only: []string{"crun-go"}},
		{name: "mounts remove", before: append(slices.Clone(alive), []string{"mounts", "add", "c", workDir + "/mounts.json"}),
			args: []string{"mounts", "remove", "c", workDir + "/mounts.json"}, only: []string{"crun-go"}},
		{name: "device add", before: alive, args: []string{"update", "--device-add", "/dev/null:/dev/added:r", "c"}, only: []string{"crun-go"}},
		{name: "device remove", before: append(slices.Clone(alive), []string{"update", "--device-add", "/dev/null:/dev/added:r", "c"}),
			args: []string{"update", "--device-remove", "/dev/added", "c"}, only: []string{"crun-go"}},
		{name: "checkpoint", before: alive, args: []string{"checkpoint", "--leave-running", "--image-path", workDir + "/image", "c"},
			only: []string{"crun-go"}, after: imaged},
		{name: "restore", before: append(slices.Clone(alive), []string{"checkpoint", "--image-path", workDir + "/image", "c"}),
			args:  []string{"restore", "--detach", "--pid-file", pidFile, "--image-path", workDir + "/image", "--bundle", bundle("sleep"), "c"},
			makes: true, only: []string{"crun-go"}},
		{name: "state", before: alive, args: []string{"state", "c"}},
		{name: "list", before: alive, args: []string{"list", "--quiet"}},
		{name: "ps", before: alive, args: []string{"ps", "--format", "json", "c"}},
	}
	named := map[string]*scenario{}
	for _, s := range all {
		named[s.name] = s
		order = append(order, s.name)
	}
	return named
}()

var order []string

// has reports whether a runtime has the scenario's command.
func (s *scenario) has(runtime string) bool {
	return s.only == nil || slices.Contains(s.only, filepath.Base(runtime))
}

// told is how the container's program, or the one that exec has added, describes itself,
// at the end, and what exists then.
func told(w *worker) ([]string, error) {
	state := w.stateFile()
	if err := w.wait(w.limit, func() bool {
		return len(slices.DeleteFunc(others(), func(pid string) bool { return pid == state.sleeper() })) == 0
	}); err != nil {
		return nil, fmt.Errorf("wait for the program: %w", err)
	}
	return w.printed()
}

// started starts what was created, then it is as with told.
func started(w *worker) ([]string, error) {
	before, err := w.look()
	if err != nil {
		return nil, err
	}
	s, err := w.runs([]string{"start", "c"}, false)
	if err != nil {
		return nil, err
	}
	if s.code != 0 || s.late {
		return append(before, fmt.Sprintf("start: exit code %d: %s", s.code, s.stderr)), nil
	}
	after, err := told(w)
	return append(before, after...), err
}

// over waits for the end of whatever was killed.
func over(w *worker) ([]string, error) {
	if err := w.wait(w.limit, func() bool { return len(others()) == 0 }); err != nil {
		return []string{"processes: " + strings.Join(others(), " ")}, nil
	}
	return nil, nil
}

// imaged is what a checkpoint has written. CRIU itself is a stand-in, which writes
// nothing.
func imaged(w *worker) ([]string, error) {
	list, err := os.ReadDir(w.path("image"))
	var files []string
	for _, e := range list {
		files = append(files, "image "+e.Name())
	}
	return files, err
}

// A known is what a runtime's state reports about a container.
type known struct {
	Pid    int
	Status string
}

// sleeper is the process that goes on, by its pid.
func (k known) sleeper() string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(k.Pid) + "/cmdline")
	if strings.HasPrefix(string(text), "/bin/sleep") {
		return strconv.Itoa(k.Pid)
	}
	return ""
}

func (w *worker) stateFile() (k known) {
	// Every runtime's has the pid, if by different names.
	for _, name := range []string{"state.json", "status"} {
		text, err := os.ReadFile(filepath.Join(w.path("root"), "c", name))
		var found struct {
			InitProcessPid int `json:"init_process_pid"`
			Pid            int `json:"pid"`
		}
		if err == nil && json.Unmarshal(text, &found) == nil && max(found.InitProcessPid, found.Pid) > 0 {
			k.Pid = max(found.InitProcessPid, found.Pid)
		}
	}
	return k
}

// printed is what came to stdout, sorted, with names that are the same in every run.
func (w *worker) printed() ([]string, error) {
	text, err := os.ReadFile(w.path("stdout"))
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if f := strings.Fields(line); len(f) == 3 && f[0] == "namespace" {
			host, _ := os.Readlink("/proc/self/ns/" + f[1])
			line = "namespace " + f[1] + map[bool]string{true: " host", false: " new"}[host == f[2]]
		}
		lines = append(lines, "printed "+w.names.Replace(line))
	}
	slices.Sort(lines)
	return lines, nil
}

// look is what can be seen of the container without running anything in it.
func (w *worker) look() ([]string, error) {
	w.reap()
	s, err := w.runs([]string{"state", "c"}, false)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(w.path("stdout"))
	if err != nil {
		return nil, err
	}
	var k known
	lines := []string{"status none"}
	if at := strings.LastIndex(string(text), "{\n"); s.code == 0 && at >= 0 && json.Unmarshal(text[at:], &k) == nil {
		lines[0] = "status " + k.Status
		if err := os.Truncate(w.path("stdout"), int64(at)); err != nil {
			return nil, err
		}
	} else if s.code == 0 {
		lines[0] = "status nonsense"
	}
	for _, dir := range cgroupsBelow(w.cgroup) {
		for _, name := range []string{"cgroup.freeze", "cgroup.max.depth", "cgroup.max.descendants"} {
			text, _ := os.ReadFile(filepath.Join(w.cgroup, dir, name))
			lines = append(lines, "cgroup "+dir+" "+name+" "+strings.TrimSpace(string(text)))
		}
		procs, _ := os.ReadFile(filepath.Join(w.cgroup, dir, "cgroup.procs"))
		lines = append(lines, "cgroup "+dir+" processes "+strconv.Itoa(strings.Count(string(procs), "\n")))
	}
	lines = append(lines, "processes "+strconv.Itoa(len(others())))
	if k.Pid > 0 {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(k.Pid) + "/mountinfo")
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			lines = append(lines, w.names.Replace("mount "+strings.Join(slices.Concat(f[3:6], f[slices.Index(f, "-"):]), " ")))
		}
	}
	if text, err := os.ReadFile(w.path("pid")); err == nil {
		lines = append(lines, "pid file "+map[bool]string{true: "of init", false: "of another"}[strings.TrimSpace(string(text)) == strconv.Itoa(k.Pid)])
	}
	return lines, nil
}

// differences are the facts that are in one list and not in the other, with a
// sign before them.
func differences(got, want []string) []string {
	count := map[string]int{}
	for _, s := range got {
		count[s]++
	}
	for _, s := range want {
		count[s]--
	}
	var out []string
	for _, s := range slices.Sorted(maps.Keys(count)) {
		switch n := count[s]; {
		case n > 0:
			out = append(out, "+ "+s)
		case n < 0:
			out = append(out, "- "+s)
		}
	}
	return out
}

// about is the subject of a fact with a sign: its first words.
func about(fact string) string {
	words := strings.Fields(fact)
	return strings.Join(words[1:min(len(words), 4)], " ")
}

// An expectation is what a scenario comes to without a fault.
type expectation struct {
	before []string // what is to be seen before the command
	after  []string // and after it
	varies []string // of what it differs by itself
	seen   []string // what differed last
	leaves []string // what there is after delete --force; no part of the container
}

// vary takes note of what differs between two unharmed runs.
func (e *expectation) vary(one, other []string) {
	for _, fact := range differences(one, other) {
		e.varies = append(e.varies, about(fact))
	}
}

// differs says how what was seen differs from what was expected.
func (e *expectation) differs(got, want []string) string {
	found := slices.DeleteFunc(differences(got, want), func(fact string) bool { return slices.Contains(e.varies, about(fact)) })
	return strings.Join(found, "; ")
}

var errUnharmed = errors.New("fails without a fault")
