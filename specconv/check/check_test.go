package check

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

func root(*specs.Spec) (specconv.Host, specconv.Options, error) {
	return specconv.Host{LastCap: 40, Caps: 1<<41 - 1, CgroupRoot: "/sys/fs/cgroup"}, specconv.Options{ID: "test", Bundle: "/bundle"}, nil
}

func user(*specs.Spec) (specconv.Host, specconv.Options, error) {
	return specconv.Host{EUID: 1000, LastCap: 40, CgroupRoot: "/sys/fs/cgroup"}, specconv.Options{ID: "test", Bundle: "/bundle"}, nil
}

// fields are those of all mistakes in a configuration.
func fields(t *testing.T, text string, facts func(*specs.Spec) (specconv.Host, specconv.Options, error)) (fields []string, r *Result) {
	t.Helper()
	r, err := Config("config.json", []byte(text), facts)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Mistakes {
		var f *plan.FieldError
		var j *jsontext.Error
		switch {
		case errors.As(err, &f):
			fields = append(fields, f.Field)
		case errors.As(err, &j):
			fields = append(fields, "json:"+j.Path)
		default:
			t.Errorf("%v has no field", err)
		}
	}
	return fields, r
}

const mount = `{"destination": "/proc", "type": "proc", "source": "proc"}`

func TestConfig(t *testing.T) {
	const good = `"ociVersion": "1.0.0", "root": {"path": "r"}`
	const process = `"process": {"args": ["/a"], "cwd": "/"}`
	const linux = `"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}`
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", `{` + good + `,` + process + `,` + linux + `}`, nil},
		{"everything is missing", `{}`, []string{"process", "root", "linux"}},
		{"no JSON", `{"root": `, []string{"json:root"}},
		{"wrong types", `{` + good + `,` + linux + `, "process": {"args": ["/a", 3], "cwd": "/", "user": {"uid": "root", "gid": 0}, "env": "A=1"}}`,
			[]string{"json:process.args[1]", "json:process.user.uid", "json:process.env"}},
		{"types and values", `{` + good + `,` + linux + `, "hostname": 5, "process": {"args": [], "cwd": "a", "env": ["A"]}}`,
			[]string{"json:hostname", "process.args", "process.cwd", "process.env[0]"}},
		{"elements keep their index", `{` + good + `,` + linux + `, "process": {"args": ["/a"], "cwd": "/", "env": ["A", "B=1", "C", "D", "E=1"]}}`,
			[]string{"process.env[0]", "process.env[2]", "process.env[3]"}},
		{"nested elements", `{` + good + `,` + process + `, "linux": {"namespaces": [{"type": "mount"}, {"type": "x"}, {"type": "pid", "path": "y"}, {"type": "pid"}],
			"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "action": "x"}, {"names": [""], "action": "SCMP_ACT_LOG"},
			{"names": ["read", ""], "action": "SCMP_ACT_LOG"}]}}}`,
			[]string{"linux.namespaces[1].type", "linux.namespaces[2].path", "linux.namespaces[3].type",
				"linux.seccomp.syscalls[0].action", "linux.seccomp.syscalls[1].names[0]", "linux.seccomp.syscalls[2].names[1]"}},
		{"several in one element", `{` + good + `,` + linux + `, "process": {"args": ["/a"], "cwd": "/", "rlimits": [
			{"type": "RLIMIT_X", "soft": 2, "hard": 1}, {"type": "RLIMIT_AS", "soft": 2, "hard": 1}]}}`,
			[]string{"process.rlimits[0].type", "process.rlimits[1].soft"}},
		{"keys with dots", `{` + good + `,` + process + `, "annotations": {"run.oci.keep_original_groups": "x", "run.oci.delegate-cgroup": "a/b"},
			"linux": {"namespaces": [{"type": "mount"}], "sysctl": {"kernel.pid_max": "1", "net.ipv4.ip_forward": "1", "net/ipv4": "1"}}}`,
			[]string{"annotations.run.oci.delegate-cgroup", "annotations.run.oci.keep_original_groups",
				"linux.sysctl.kernel.pid_max", "linux.sysctl.net.ipv4.ip_forward", "linux.sysctl.net/ipv4"}},
		{"what is missing beside", `{` + good + `, "linux": {"namespaces": [{"type": "mount"}, {"type": "user"}]},
			"process": {"args": ["/a"], "cwd": "/", "scheduler": {"policy": "SCHED_FIFO"}, "oomScoreAdj": 2000}}`,
			[]string{"linux.uidMappings", "linux.gidMappings", "process.oomScoreAdj", "process.scheduler.priority"}},
		{"conflicts", `{` + good + `,` + process + `, "hostname": "h", "mounts": [` + mount + `], "linux": {"namespaces": [], "maskedPaths": ["/a"]}}`,
			[]string{"mounts", "linux.maskedPaths", "hostname"}},
	} {
		got, r := fields(t, c.text, root)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: mistakes at %q, want %q", c.name, got, c.want)
		}
		if r.Plan == nil != (c.name == "no JSON") {
			t.Errorf("%s: plan %v", c.name, r.Plan)
		}
	}
}

// TestRootless: what an ordinary user lacks hides nothing else.
func TestRootless(t *testing.T) {
	got, _ := fields(t, `{"ociVersion": "1.0.0", "root": {"path": "r"}, "process": {"args": ["/a"], "cwd": "a"},
		"linux": {"namespaces": [{"type": "mount"}]}}`, user)
	if want := []string{"linux.namespaces", "process.cwd"}; !slices.Equal(got, want) {
		t.Errorf("mistakes at %q, want %q", got, want)
	}
}

// TestPlaces: lines and columns are those of the document as it was.
func TestPlaces(t *testing.T) {
	r, err := Config("c", []byte("{\"ociVersion\": 1,\n \"hostname\": 2,\n \"domainname\": 3}"), root)
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, err := range r.Mistakes {
		var j *jsontext.Error
		if errors.As(err, &j) {
			lines = append(lines, j.Line)
		}
	}
	if !slices.Equal(lines, []int{1, 2, 3}) {
		t.Errorf("%v: lines %v", r.Mistakes, lines)
	}
}

// TestWarnings: they are found beside mistakes, once, and with the index that they have in the document.
func TestWarnings(t *testing.T) {
	_, r := fields(t, `{"ociVersion": "1.0.0", "root": {"path": "r"}, "colour": 1, "process": {"args": ["/a"], "cwd": "/",
		"capabilities": {"bounding": ["CAP_KILL", "CAP_FLY"]}, "rlimits": [{"type": "x"}, {"type": "y"}]},
		"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["idmap=x"]}, {"destination": "tmp", "type": "tmpfs"}],
		"linux": {"namespaces": [{"type": "mount"}]}}`, root)
	var got []string
	for _, w := range r.Warnings {
		got = append(got, w.Field)
	}
	for _, want := range []string{"process.capabilities.bounding[1]", "mounts[1].destination"} {
		if n := len(got) - len(slices.DeleteFunc(slices.Clone(got), func(f string) bool { return f == want })); n != 1 {
			t.Errorf("%d warnings about %s among %q, want 1", n, want, got)
		}
	}
	if !slices.Equal(r.Unknown, []string{"colour"}) {
		t.Errorf("unknown: %q", r.Unknown)
	}
}

// TestRealConfigs: what engines write is right, and each field that is broken in it is found.
func TestRealConfigs(t *testing.T) {
	files, err := filepath.Glob("../testdata/bundles/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no captured bundles", err)
	}
	facts := func(spec *specs.Spec) (specconv.Host, specconv.Options, error) {
		h, o, err := root(spec)
		h.AppArmor, h.SELinux = true, true
		if spec.Linux != nil {
			o.SystemdCgroup = strings.Count(spec.Linux.CgroupsPath, ":") == 2
		}
		return h, o, err
	}
	tried := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := fields(t, string(text), facts); got != nil {
			continue // it needs more of the host, such as a user namespace's maps
		}
		tried++
		var spec map[string]any
		if err := json.Unmarshal(text, &spec); err != nil {
			t.Fatal(err)
		}
		process := spec["process"].(map[string]any)
		process["cwd"] = "x"
		process["env"] = []string{"A"}
		process["user"].(map[string]any)["umask"] = 513
		spec["ociVersion"] = 7
		broken, _ := json.Marshal(spec)
		got, _ := fields(t, string(broken), facts)
		if want := []string{"json:ociVersion", "process.cwd", "process.env[0]", "process.user.umask"}; !slices.Equal(got, want) {
			t.Errorf("%s: mistakes at %q, want %q", file, got, want)
		}
	}
	if tried < len(files)*3/4 {
		t.Errorf("only %d of %d configurations are without mistakes", tried, len(files))
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"ociVersion": "1.0.0", "root": {}, "process": {"args": [3], "user": {"uid": "x"}}, "linux": {"namespaces": [{"type": "user"}]}}`))
	f.Add([]byte(`{"process": {"env": ["a"], "rlimits": [{}]}, "root": {"path": "r"}, "linux": {"namespaces": [{"type": "x"}]}, "a.b": {"c": 1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Config("config.json", text, root)
		if err != nil {
			t.Fatal(err)
		}
		if r.Plan == nil && len(r.Mistakes) == 0 {
			t.Error("neither a plan nor a mistake")
		}
	})
}
