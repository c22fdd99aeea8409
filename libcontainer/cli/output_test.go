package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv"
)

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
	var array bytes.Buffer
	if err := printList(&array, samples()); err != nil {
		t.Fatal(err)
	}
	if table, want := plainTable(samples()), golden(t, "list.table.txt"); table != want {
		t.Errorf("table\n%s, want\n%s", table, want)
	}
	if want := golden(t, "list.json"); array.String() != want {
		t.Errorf("json\n%s, want\n%s", array.String(), want)
	}
	list := samples()
	list[0].word, list[0].pid, list[1].word = "stopped", 0, "paused"
	if table := plainTable(list); table != golden(t, "list-stopped-paused.table.txt") {
		t.Errorf("table\n%s", table)
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
	if got := crun("--root " + root + " list -f yaml"); got.code != 1 || !strings.HasSuffix(got.errout, hinted(`--format is table or json, not "yaml"`, textLine("invalid format option", ""))) {
		t.Errorf("list -f yaml: %+v", got)
	}
	got := crun("--root " + root + "/none list")
	if want := textLine("open "+root+"/none: no such file or directory", " code=system errno=ENOENT"); got != (result{1, "", want}) {
		t.Errorf("missing root: %+v", got)
	}
	for _, args := range []string{"list", "state a"} {
		got := crun("--root " + root + "/file " + args)
		if want := hinted("--root must name a directory: each container has one below it", textLine("open "+root+"/file: not a directory", " code=system errno=ENOTDIR")); got != (result{1, "", want}) {
			t.Errorf("%s with a file as root: %+v", args, got)
		}
	}
}

func TestDescribeHost(t *testing.T) {
	h := specconv.Host{LastCap: 42, Caps: (1<<43 - 1) &^ (1 << 24), CgroupRoot: "/sys/fs/cgroup", NoFileSoft: 1024, NoFileHard: 1<<64 - 1, Kcore: true}
	want := `host  uid             0
host  user namespace  initial
host  capabilities    all but CAP_SYS_RESOURCE
host  open files      1024, at most unlimited
host  cgroups         /sys/fs/cgroup
host  /proc/kcore     exists

`
	if got := describeHost(h); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for caps, want := range map[uint64]string{0: "none", 1<<43 - 1: "all", 1 | 1<<42: "CAP_CHOWN 42"} {
		if got := capabilityText(caps, 42); got != want {
			t.Errorf("capabilityText(%#x) = %s, want %s", caps, got, want)
		}
	}
}

func TestSpec(t *testing.T) {
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
	if data, err := os.ReadFile(configName); err != nil || string(data) != startSpec || !json.Valid(data) {
		t.Errorf("config.json: %v\n%s", err, data)
	}
	if st, err := os.Stat(dir + "/config.json"); err != nil || st.Mode() != 0o644 {
		t.Errorf("config.json: %v, %v, want mode 0644", st, err)
	}
	if got := crun("spec --bundle " + dir); got != (result{1, "", textLine("File config.json exists. Remove it first", "")}) {
		t.Errorf("second spec: %+v", got)
	}
	for _, name := range []string{"other.json", dir + "/third.json"} {
		if got := crun("spec --bundle " + dir + " -f " + name); got != (result{}) {
			t.Errorf("spec -f %s: %+v", name, got)
		}
		if got := crun("spec --file " + name); got != (result{1, "", textLine("File "+name+" exists. Remove it first", "")}) {
			t.Errorf("second spec --file %s: %+v", name, got)
		}
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
	if len(l.Seccomp.Actions) != 9 || !slices.Contains(l.Seccomp.Actions, "SCMP_ACT_NOTIFY") || len(l.Seccomp.Archs) == 0 || len(l.Seccomp.Operators) == 0 || len(l.Seccomp.SupportedFlags) == 0 {
		t.Errorf("seccomp: %+v", l.Seccomp)
	}
	// What containerd, moby and CRI-O look for.
	if !slices.Contains(doc.MountOptions, "rro") || !slices.Contains(l.Namespaces, "user") || !l.MountExtensions["idmap"].Enabled {
		t.Errorf("mountOptions %v, namespaces %v, mountExtensions %v", doc.MountOptions, l.Namespaces, l.MountExtensions)
	}
	if !strings.Contains(got.out, "\n    \"ociVersionMax\": \"1.3.0\",\n    \"hooks\": [\n        \"prestart\",\n") {
		t.Errorf("layout: %.200s", got.out)
	}
}

// Engines keep the document: a word more or less is a change of the golden file. The kernel's flags are the machine's.
func TestFeaturesGolden(t *testing.T) {
	_, text := featuresDoc(t, "features")
	text = regexp.MustCompile(`"supportedFlags": \[[^]]*\]`).ReplaceAllString(text, `"supportedFlags": ["KERNEL"]`)
	if want := golden(t, "features.json"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// plan needs neither privileges nor a root filesystem's content, and makes nothing.
func TestPlan(t *testing.T) {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		if _, err := os.Stat("/sys/fs/cgroup/unified"); err != nil {
			t.Skip("no cgroup v2 hierarchy here, which a plan names")
		}
	}
	spec := startSpec
	if os.Geteuid() != 0 {
		spec = rootlessSpec(os.Geteuid(), os.Getegid())
	}
	spec = strings.Replace(spec, `"terminal": true`, `"terminal": false`, 1)
	bundle := t.TempDir()
	if err := errors.Join(os.WriteFile(bundle+"/config.json", []byte(spec), 0o600), os.Mkdir(bundle+"/rootfs", 0o755)); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	got := crun("--root " + root + "/r plan --bundle " + bundle)
	if got.code != 0 || got.errout != "" || !strings.HasPrefix(got.out, "host  uid ") || !strings.Contains(got.out, "\n\nparent   1  ") || !strings.Contains(got.out, "\ninit     1  ") {
		t.Errorf("plan: %+v", got)
	}
	got = crun("--root " + root + "/r plan --json --bundle " + bundle + " web")
	var doc struct{ Container struct{ ID string } }
	if err := json.Unmarshal([]byte(got.out), &doc); err != nil || got.code != 0 || doc.Container.ID != "web" {
		t.Errorf("plan --json: %v in %+v", err, got)
	}
	if _, err := os.Stat(root + "/r"); err == nil {
		t.Error("plan made the root")
	}
	bad := strings.Replace(spec, `"cwd": "/"`, `"cwd": "x"`, 1)
	if err := os.WriteFile(bundle+"/bad.json", []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	got = crun("--root " + root + " --log-format json plan -f bad.json -b " + bundle)
	if got.code != 1 || !strings.Contains(got.errout, `"field":"process.cwd"`) {
		t.Errorf("plan of a mistake: %+v", got)
	}
}
