package engines

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/contrib"
)

const (
	daemonFile = "/etc/docker/daemon.json"
	podmanFile = "/etc/containers/containers.conf.d/crun-go.conf"
)

// What can't be done safely is refused, with the reason, and nothing is written.
func TestRefusals(t *testing.T) {
	const (
		v2     = "version = 2\n"
		plugin = `[plugins."io.containerd.grpc.v1.cri".containerd`
	)
	docker := func(text string) map[string]string { return map[string]string{daemonFile: text} }
	containerd := func(text string) map[string]string { return map[string]string{containerdFile: text} }
	for _, c := range []struct {
		engine   string
		files    map[string]string
		byItself bool // not because of --default
		want     string
	}{
		{"docker", docker("{\n  \"a\": 1,\n}"), true, daemonFile + ":3:1: expected a key in quotes, found '}'"},
		{"docker", docker("[]"), true, daemonFile + ":1:1: expected an object, found an array"},
		{"docker", docker("{\"runtimes\":"), true, daemonFile + ":1:13: runtimes: expected an object, found the end of the input"},
		{"docker", docker("{\n\"runtimes\": []}"), true, daemonFile + ":2:13: runtimes: expected an object, found an array"},
		{"docker", docker(`{"runtimes": null}`), true, daemonFile + ": runtimes is null: add the lines by hand"},
		{"docker", docker(`{"runtimes": {"crun-go": {"runtimeType": "x"}}}`), true, daemonFile + ": crun-go is configured there, but not as --install writes it"},
		{"docker", docker(`{"runtimes": {}}`), false, daemonFile + ": it has runtimes or a default-runtime of its own: add the lines by hand"},
		{"docker", docker(`{"default-runtime": "runc"}`), false, daemonFile + ": it has runtimes or a default-runtime of its own"},
		{"containerd", containerd("disabled_plugins = []\n"), true, containerdFile + ": it is of version 1 (see containerd config migrate)"},
		{"containerd", containerd("version = 3\n"), true, containerdFile + ": it does not import a directory"},
		{"containerd", containerd("version = 3\nimports = ['/etc/containerd/mine.toml']\n"), true, containerdFile + ": it does not import a directory"},
		{"containerd", containerd(v2 + plugin + ".runtimes.crun-go.options]\nBinaryName = 'x'\n"), true, ": crun-go is configured there, but"},
		{"containerd", containerd(v2 + plugin + ".runtimes.crun-go]\n"), true, ": it mentions crun-go"},
		{"containerd", containerd(v2 + plugin + "]\nruntimes = { runc = {} }\n"), true, ": it has inline tables or strings of several lines"},
		{"containerd", containerd(v2 + "x = '''\n[plugins]\n'''\n"), true, ": it has inline tables or strings of several lines"},
		{"containerd", containerd(v2 + `plugins."io.containerd.grpc.v1.cri".containerd.snapshotter = "native"`), true, ": it has plugins without a table"},
		{"containerd", containerd(v2 + plugin + "]\nsnapshotter = \"native\"\n"), false, ": it has the table of default_runtime_name"},
		{"containerd", map[string]string{containerdFile: v2 + "imports = [\"x.toml\"]\n", "/etc/containerd/x.toml": ""}, true, ": it imports files, which replace"},
		{"podman", map[string]string{podmanFile: contrib.Podman + "# mine\n"}, true, podmanFile + ": crun-go is configured there, but not as --install writes it"},
		{"kubernetes", nil, true, "kubernetes has no file on a node"},
		{"rkt", nil, true, `engine "rkt" is not known: expected one of docker, containerd, podman, buildah, crio, kubernetes`},
	} {
		for _, byDefault := range []bool{false, true} {
			h, dir := tree(t, c.files)
			before := snapshot(t, dir)
			change, _, err := h.Install(c.engine, Settings{Path: binary, Default: byDefault})
			if refused := byDefault || c.byItself; refused != (err != nil) || refused != (change == nil) || refused && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %q, default %v: %v, want %s", c.engine, c.files, byDefault, err, c.want)
			}
			var manual *ManualError
			if errors.As(err, &manual) && !strings.Contains(manual.Lines, binary) {
				t.Errorf("%s %q: lines %q", c.engine, c.files, manual.Lines)
			}
			if !equal(before, snapshot(t, dir)) {
				t.Errorf("%s %q: something was written", c.engine, c.files)
			}
		}
	}
}

// What was edited is not taken back, but named.
func TestUninstallEdited(t *testing.T) {
	for name, file := range map[string]string{"docker": daemonFile, "podman": podmanFile, "containerd": containerdFile} {
		h, dir := tree(t, map[string]string{daemonFile: "{\"a\": 1}", containerdFile: "version = 2\n"})
		install(t, h, name, Settings{Path: binary})
		edited := strings.Replace(snapshot(t, dir)[file], `"`+binary+`"`, `"`+binary+`"  `, 1)
		if err := os.WriteFile(dir+file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		refuses(t, h, name, dir+file)
	}
	// Nor is what somebody has written into another file.
	h, dir := tree(t, map[string]string{"/etc/crio/crio.conf": "[crio.runtime.runtimes.crun-go]\nruntime_path = \"/x\"\n"})
	refuses(t, h, "crio", dir+"/etc/crio/crio.conf")
}

// refuses expects an uninstall to name a file, and to change nothing.
func refuses(t *testing.T, h *Host, name, file string) {
	t.Helper()
	change, _, err := h.Uninstall(name)
	var edited *EditedError
	if change != nil || !errors.As(err, &edited) || edited.File != file {
		t.Errorf("%s: %v, %v", name, change, err)
	}
}

// A link is somebody's way to manage files, and an absolute one in an image is not the host's.
func TestLinks(t *testing.T) {
	h, dir := tree(t, map[string]string{"/etc/docker/x": "", "/srv/etc/y": ""})
	outside := t.TempDir()
	link(t, "x", dir+"/etc/docker/daemon.json")
	link(t, outside, dir+"/etc/crio")
	link(t, "/srv/etc", dir+"/etc/containers")
	change, _, err := h.Install("docker", Settings{Path: binary})
	if err == nil && change != nil {
		err = h.Apply(change)
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

// Files keep their mode.
func TestMode(t *testing.T) {
	h, dir := tree(t, map[string]string{daemonFile: "{}"})
	install(t, h, "docker", Settings{Path: binary})
	if st, err := os.Stat(dir + daemonFile); err != nil || st.Mode() != 0o640 {
		t.Errorf("%v %v", st, err)
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
	change, _, err := h.Install("crio", Settings{Path: binary})
	if err != nil {
		t.Fatal(err)
	}
	install(t, h, "crio", Settings{Path: "/other"})
	if err := h.Apply(change); err == nil || !strings.Contains(err.Error(), "changed meanwhile") {
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
	const doc = "a = 'x' # [b]\r\n[ c . \"d.e\" ] # f\n  g.h=[ \"1\", # ]\n\"i\" = [ \"\\u00e4\", '#', ] # \"no\"\n#j = 1\n[[k]]\nl = true # m\nn = \"\n"
	var got []string
	for _, s := range settings(doc) {
		got = append(got, fmt.Sprintf("%d %s %q", s.line, s.path, s.texts()))
	}
	want := []string{`1 a ["x"]`, `2 c.d.e []`, `3 c.d.e.g.h ["1"]`, `4 c.d.e.i ["ä" "#"]`, `6 k []`, `7 k.l []`, `8 k.n []`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add(contrib.ContainerdV2)
	f.Add("a = [ {b = \"\\")
	f.Fuzz(func(t *testing.T, doc string) {
		for _, s := range settings(doc) {
			s.texts()
		}
	})
}

// Whatever a daemon.json has, it is still one with the runtime in it, and what it was without.
func FuzzDaemonJSON(f *testing.F) {
	f.Add(contrib.Docker)
	f.Add("{\"runtimes\": {\"a\":1,\"a\": 2}, \"default-runtime\":\"x\"}")
	f.Add("{\"runtimes\": {}, \"runtimes\": {\"a\": {}}}")
	f.Fuzz(func(t *testing.T, doc string) {
		x := &site{text: doc, exists: true, lines: dockerLines}
		d, err := readDaemon("x", doc)
		if err != nil || !d.registered.IsZero() {
			return
		}
		if x.insert(d); x.ours != "" || x.manual != "" {
			return
		}
		y := &site{text: x.before + x.write(Settings{Path: binary}) + x.after, exists: true, lines: dockerLines}
		d, err = readDaemon("x", y.text)
		if err != nil || d.path != binary {
			t.Fatalf("%q became %q: %v", doc, y.text, err)
		}
		y.insert(d)
		after, err := readDaemon("x", y.before+y.after)
		if err != nil || y.ours == "" || !after.registered.IsZero() {
			t.Errorf("%q became %q, then %q: %v", doc, y.text, y.before+y.after, err)
		}
	})
}
