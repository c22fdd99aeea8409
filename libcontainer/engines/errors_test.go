package engines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/contrib"
)

// What can't be done safely is refused, with the place, and nothing is written.
func TestRefusals(t *testing.T) {
	const (
		daemon  = "/etc/docker/daemon.json"
		config  = "/etc/containerd/config.toml"
		podmans = "/etc/containers/containers.conf.d/crun-go.conf"
		plugin  = `[plugins."io.containerd.grpc.v1.cri".containerd`
	)
	for _, c := range []struct {
		engine string
		files  map[string]string
		want   string
	}{
		{"docker", map[string]string{daemon: "{\n  \"a\": 1,\n}"}, daemon + ":3:1: expected a key in quotes, found '}'"},
		{"docker", map[string]string{daemon: "[]"}, daemon + ":1:1: expected an object, found an array"},
		{"docker", map[string]string{daemon: "null"}, daemon + ":1:1: expected an object, found null"},
		{"docker", map[string]string{daemon: "{\"runtimes\":"}, daemon + ":1:13: runtimes: expected an object, found the end of the input"},
		{"docker", map[string]string{daemon: "{\n\"runtimes\": []}"}, daemon + ":2:13: runtimes: expected an object, found an array"},
		{"docker", map[string]string{daemon: "{\n\"runtimes\": {\"crun-go\": {\"runtimeType\": \"x\"}}}"}, daemon + ":2: runtimes.crun-go has no path: "},
		{"containerd", map[string]string{config: "disabled_plugins = []\n"}, config + ": expected version = 2 or 3, found version 1"},
		{"containerd", map[string]string{config: "version = 2\nx = \n"}, config + `:2: expected a value, found ""`},
		{"containerd", map[string]string{config: "version = 2\nx = [1, 2"}, config + `:2: expected ']', found ""`},
		{"containerd", map[string]string{config: "version = 2\n[a\n"}, config + `:2: expected ], found ""`},
		{"containerd", map[string]string{config: "version = 2\nx = \"a\n"}, config + ":2: expected a string that ends in its line"},
		{"containerd", map[string]string{config: "version = 2\nx = 'a"}, config + ":2: expected a string that is closed"},
		{"containerd", map[string]string{config: "version = 2\nx = 1 y = 2"}, config + `:2: expected the end of the line, found "y = 2"`},
		{"containerd", map[string]string{config: "version = 2\n" + plugin + ".runtimes.crun-go]\n"}, config + ":2: crun-go is there already"},
		{"containerd", map[string]string{config: "version = 2\n" + plugin + "]\nruntimes = { runc = {} }\n"}, config + ":3: a table in braces"},
		{"containerd", map[string]string{
			config: "version = 2\nimports = [\"x.toml\"]\n", "/etc/containerd/x.toml": plugin + "]\nsnapshotter = 'native'\n",
		}, "/etc/containerd/x.toml, which it imports, replaces all settings"},
		{"podman", map[string]string{podmans: contrib.Podman + "# mine\n"}, podmans + ": it is not as it was written"},
		{"kubernetes", nil, "kubernetes has no file on a node"},
		{"rkt", nil, `engine "rkt" is not known: expected one of docker, containerd, podman, buildah, crio, kubernetes`},
	} {
		h, dir := tree(t, c.files)
		before := snapshot(t, dir)
		changes, _, err := h.Install(c.engine, Settings{Path: binary})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(changes) > 0 {
			t.Errorf("%s %q: %v, want %s", c.engine, c.files, err, c.want)
		}
		if !equal(before, snapshot(t, dir)) {
			t.Errorf("%s %q: something was written", c.engine, c.files)
		}
	}
}

// A link is somebody's way to manage files, and an absolute one in an image is not the host's.
func TestLinks(t *testing.T) {
	h, dir := tree(t, map[string]string{"/etc/docker/x": "", "/srv/etc/y": ""})
	outside := t.TempDir()
	link(t, "x", dir+"/etc/docker/daemon.json")
	link(t, outside, dir+"/etc/crio")
	link(t, "/srv/etc", dir+"/etc/containers")
	changes, _, err := h.Install("docker", Settings{Path: binary})
	if err == nil && len(changes) == 1 {
		err = h.Apply(changes[0])
	}
	if err == nil || !strings.Contains(err.Error(), "daemon.json: expected a regular file, found a symbolic link") {
		t.Error(err)
	}
	install(t, h, "crio", Settings{Path: binary})
	install(t, h, "podman", Settings{Path: binary})
	if got := snapshot(t, outside); len(got) != 0 {
		t.Errorf("written outside: %q", got)
	}
	if _, err := os.Stat(dir + "/srv/etc/containers.conf.d/crun-go.conf"); err != nil {
		t.Error(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// Files keep their mode; the backup has it, too, and what the file had.
func TestBackup(t *testing.T) {
	const was = `{"default-runtime": "nvidia"}`
	h, dir := tree(t, map[string]string{"/etc/docker/daemon.json": was})
	install(t, h, "docker", Settings{binary, true})
	install(t, h, "docker", Settings{"/other", true})
	for _, name := range []string{"daemon.json", "daemon.json.crun-go.bak"} {
		st, err := os.Stat(filepath.Join(dir, "etc/docker", name))
		if err != nil || st.Mode() != 0o640 {
			t.Errorf("%s: %v %v", name, st, err)
		}
	}
	if got := snapshot(t, dir)["/etc/docker/daemon.json.crun-go.bak"]; got != was {
		t.Errorf("backup: %q", got)
	}
	// An edit of the user's stays when ours goes; the backup is then of the file with both.
	edited := strings.Replace(snapshot(t, dir)["/etc/docker/daemon.json"], "{", `{"debug": true, `, 1)
	if err := os.WriteFile(dir+"/etc/docker/daemon.json", []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	uninstall(t, h, "docker")
	got := snapshot(t, dir)
	if got["/etc/docker/daemon.json"] != `{"debug": true, "default-runtime": "nvidia"}` || got["/etc/docker/daemon.json.crun-go.bak"] != edited {
		t.Errorf("%q", got)
	}
}

// The kubelet and the runtimes of a node have one cgroup driver.
func TestCgroupDriver(t *testing.T) {
	h, dir := tree(t, hosts["others"])
	install(t, h, "containerd", Settings{Path: binary})
	text := snapshot(t, dir)["/etc/containerd/config.toml"]
	if _, ours, _ := strings.Cut(text, blockBegin); !strings.Contains(ours, "\n    SystemdCgroup = true\n") {
		t.Errorf("%s", text)
	}
	if _, err := scanTOML("x", text); err != nil {
		t.Error(err)
	}
}

// A binary that an ordinary user can replace is root's to run.
func TestExposed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "crun-go")
	if err := os.WriteFile(file, nil, 0o775); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o775); err != nil {
		t.Fatal(err)
	}
	if got := Exposed(file); got != file {
		t.Errorf("%q", got)
	}
	if got := Exposed("/proc/self/status"); os.Geteuid() == 0 && got != "" {
		t.Errorf("%q", got)
	}
}

// Somebody may write while a person reads what would be done.
func TestChangedMeanwhile(t *testing.T) {
	h, dir := tree(t, nil)
	changes, _, err := h.Install("crio", Settings{Path: binary})
	if err != nil {
		t.Fatal(err)
	}
	install(t, h, "crio", Settings{Path: "/other"})
	if err := h.Apply(changes[0]); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("%v: %q", err, snapshot(t, dir))
	}
}

// What is written where there is nothing is what people copy.
func TestContrib(t *testing.T) {
	h, dir := tree(t, map[string]string{"/etc/containerd/config.toml": "version = 3\nimports = ['/etc/containerd/conf.d/*.toml']\n"})
	for _, name := range Names() {
		if name != Kubernetes {
			install(t, h, name, Settings{Path: contrib.Path})
		}
	}
	files := snapshot(t, dir)
	for file, want := range map[string]string{
		"/etc/docker/daemon.json":                        contrib.Docker,
		"/etc/containers/containers.conf.d/crun-go.conf": contrib.Podman,
		"/etc/crio/crio.conf.d/crun-go.conf":             contrib.CRIO,
		"/etc/containerd/conf.d/crun-go.toml":            contrib.ContainerdV3,
	} {
		if files[file] != want || strings.Count(want, contrib.Path) != 1 {
			t.Errorf("%s: %q", file, files[file])
		}
	}
	if got := text(contrib.ContainerdV2, contrib.Path); got != contrib.ContainerdV2 {
		t.Errorf("%q", got)
	}
}

// What stands where in TOML, as far as it matters.
func TestSettings(t *testing.T) {
	const doc = "\ufeffa = 'x' # [b]\r\n[ c . \"d.e\" ]\nf.g=[\n \"1\", # ]\n '2',\n]\nh = {i = 1979-05-27T07:32:00Z, j = {k = \"\\u00e4\"}}\n" +
		"l = '''\n[m]\n'''\n[[n]]\no = +inf\n"
	list, err := scanTOML("x", doc)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, strings.Join(s.path, "|")+"="+s.value)
	}
	want := []string{
		"a='x'", "c|d.e=", "c|d.e|f|g=[\n \"1\", # ]\n '2',\n]", "c|d.e|h={i = 1979-05-27T07:32:00Z, j = {k = \"\\u00e4\"}}",
		"c|d.e|h|i=1979-05-27T07:32:00Z", "c|d.e|h|j={k = \"\\u00e4\"}", "c|d.e|h|j|k=\"\\u00e4\"", "c|d.e|l='''\n[m]\n'''", "n=", "n|o=+inf",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got := list[2].texts(); len(got) != 2 || got[0] != "1" || got[1] != "2" || list[2].line != 3 || list[6].text() != "ä" {
		t.Errorf("%q %+v %q", got, list[2], list[6].text())
	}
}

func FuzzTOML(f *testing.F) {
	f.Add(contrib.ContainerdV2)
	f.Add("a = [ {b = \"\\")
	f.Fuzz(func(t *testing.T, doc string) {
		list, err := scanTOML("x", doc)
		if err != nil && len(list) > 0 {
			t.Error("settings and an error")
		}
		for _, s := range list {
			s.text()
			s.texts()
		}
		strip(doc)
	})
}

func FuzzDaemonJSON(f *testing.F) {
	f.Add(contrib.Docker)
	f.Add("{\"runtimes\": {\"a\":1,\"a\": 2}, \"default-runtime\":\"x\"}")
	f.Fuzz(func(t *testing.T, doc string) {
		c := dockerConfig{file: "x", text: doc}
		var err error
		if c.all, err = dockerParse("x", doc); err != nil {
			return
		}
		text, err := c.register(&Host{}, binary)
		if err != nil {
			return
		}
		if c.all, err = dockerParse("x", text); err != nil || c.runtime() == nil {
			t.Errorf("%q became %q: %v", doc, text, err)
		}
	})
}
