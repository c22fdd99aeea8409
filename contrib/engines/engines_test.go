package engines

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const binary = "/opt/crun-go/bin/crun-go"

// tree makes a host of files, all below one directory.
func tree(t *testing.T, files map[string]string) (*Host, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir), dir
}

func open(t *testing.T, dir string) *Host {
	t.Helper()
	h, err := Open(Options{Prefix: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// snapshot is every file of a tree and its text.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var text []byte
			text, err = os.ReadFile(name)
			files[strings.TrimPrefix(name, dir)] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func equal(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// apply makes a change, if there is one, and reports whether.
func apply(t *testing.T, h *Host, c *Change, err error) bool {
	t.Helper()
	if err == nil && c != nil {
		err = h.Apply(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c != nil
}

func install(t *testing.T, h *Host, name string, s Settings) bool {
	t.Helper()
	change, _, err := h.Install(name, s)
	return apply(t, h, change, err)
}

func uninstall(t *testing.T, h *Host, name string) bool {
	t.Helper()
	change, _, err := h.Uninstall(name)
	return apply(t, h, change, err)
}

func statusOf(h *Host, name string) Status {
	for _, st := range h.Survey(Settings{Path: binary}) {
		if st.Engine == name {
			return st
		}
	}
	return Status{}
}

// hosts are what hosts have before.
var hosts = map[string]map[string]string{
	"nothing": {},
	"small":   {"/etc/docker/daemon.json": "{}\n", "/etc/containerd/config.toml": "version = 2"},
	"one line": {
		"/etc/docker/daemon.json":     `{"debug": true}`,
		"/etc/containerd/config.toml": "imports = ['conf.d/*.toml']\nversion = 3\n",
	},
	"others": {
		"/etc/docker/daemon.json": "{\n\t\"zeta\": 1,\n\t\"alpha\": [1, 2]\n}\n",
		"/etc/containerd/config.toml": `# mine
version = 2
root = "/data"
imports = []

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "pause:1" # "quoted" # twice
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
        runtime_type = "io.containerd.runc.v2"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
          SystemdCgroup = true
`,
		"/etc/containers/containers.conf": "[engine]\nruntime = \"crun\"\n",
		"/etc/crio/crio.conf":             "[crio.runtime]\ndefault_runtime = \"crun\"\n",
	},
	"lists": {
		"/etc/containers/containers.conf": "[engine.runtimes]\ncrun = [\n  \"/usr/bin/crun\",\n]\n",
		"/etc/containerd/config.toml":     "version = 4\nimports = ['/etc/containerd/conf.d/*.toml']\nx = { a = [ 1,\n 2 ], b.c = 'd' }\n",
	},
}

// What is installed is found, is found the second time, and goes without a trace.
func TestThereAndBack(t *testing.T) {
	for host, files := range hosts {
		for _, name := range Names() {
			if name == Kubernetes {
				continue
			}
			t.Run(host+"/"+name, func(t *testing.T) { thereAndBack(t, files, name) })
		}
	}
}

func thereAndBack(t *testing.T, files map[string]string, name string) {
	h, dir := tree(t, files)
	before := snapshot(t, dir)
	if st := statusOf(h, name); st.Err != nil || st.Path != "" || !st.Registered.IsZero() || !st.Default.IsZero() {
		t.Fatalf("before: %+v", st)
	}
	for _, byDefault := range []bool{false, true, false} {
		s := Settings{Path: binary, Default: byDefault}
		changed := install(t, h, name, s)
		after := snapshot(t, dir)
		if !changed && byDefault || install(t, h, name, s) || !equal(after, snapshot(t, dir)) {
			t.Fatalf("default %v: changed %v, then others: %q", byDefault, changed, after)
		}
		st := statusOf(h, name)
		line := lineAt(t, st.Registered)
		if st.Err != nil || st.Path != binary || !strings.Contains(line, "crun-go") {
			t.Fatalf("default %v: %+v, line %q of %q", byDefault, st, line, after)
		}
	}
	st := statusOf(h, name)
	if line := lineAt(t, st.Default); !strings.Contains(line, `"crun-go"`) {
		t.Fatalf("not the default any more: %+v, line %q", st, line)
	}
	// Another binary takes its place, and nothing else happens.
	if !install(t, h, name, Settings{Path: `/a "b"\c/crun-go`}) {
		t.Fatal("no change for another path")
	}
	if st := statusOf(h, name); st.Path != `/a "b"\c/crun-go` || st.Default.IsZero() || st.Err != nil {
		t.Fatalf("another path: %+v", st)
	}
	uninstall(t, h, name)
	if after := snapshot(t, dir); !equal(before, after) {
		t.Errorf("left: %q\nbefore: %q", after, before)
	}
	if uninstall(t, h, name) {
		t.Error("uninstalled twice")
	}
}

// Where there are runtimes already, ours is put among them; what a user has added since stays when it goes.
func TestAmongOthers(t *testing.T) {
	for _, was := range []string{
		`{"runtimes": {"nvidia": {"path": "/n", "runtimeArgs": []}}, "default-runtime": "nvidia"}`,
		"{\n\t\"runtimes\": {},\n\t\"alpha\": [1, 2]\n}\n",
	} {
		h, dir := tree(t, map[string]string{"/etc/docker/daemon.json": was})
		if !install(t, h, "docker", Settings{Path: binary}) || install(t, h, "docker", Settings{Path: binary}) {
			t.Error("want one change")
		}
		if st := statusOf(h, "docker"); st.Path != binary || st.Err != nil || !st.Default.IsZero() {
			t.Errorf("%+v", st)
		}
		text := strings.Replace(snapshot(t, dir)["/etc/docker/daemon.json"], `"runtimes": {`, `"debug": true, "runtimes": {`, 1)
		if err := os.WriteFile(dir+"/etc/docker/daemon.json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		uninstall(t, h, "docker")
		if got, want := snapshot(t, dir)["/etc/docker/daemon.json"], strings.Replace(was, `"runtimes": {`, `"debug": true, "runtimes": {`, 1); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func lineAt(t *testing.T, p Place) string {
	t.Helper()
	if p.IsZero() {
		return ""
	}
	text, err := os.ReadFile(p.File)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")[p.Line-1]
}
