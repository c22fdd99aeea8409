package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

// featuresDoc decodes the document into the specification's own types, which
// must know every key of it.
func featuresDoc(t *testing.T, args string) (doc features.Features, text string) {
	t.Helper()
	got := crun(args)
	if got.code != 0 || got.errout != "" {
		t.Fatalf("%s: %+v", args, got)
	}
	decoder := json.NewDecoder(strings.NewReader(got.out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc, got.out
}

// A machine that has everything a configuration could ask for.
var richHost = specconv.Host{LastCap: 63, Caps: ^uint64(0), CgroupRoot: "/sys/fs/cgroup", CgroupParent: "/", AppArmor: true, SELinux: true, Kcore: true}

// accepts plans a configuration: with one fragment, in which WORD stands for
// the word in question, laid over a small valid one. Warnings count as refusal.
func accepts(t *testing.T, fragment, word string) (*plan.Plan, bool) {
	t.Helper()
	return acceptsOn(t, richHost, specconv.Options{ID: "x", Bundle: "/b", Detach: true}, fragment, word)
}

func acceptsOn(t *testing.T, host specconv.Host, opts specconv.Options, fragment, word string) (*plan.Plan, bool) {
	t.Helper()
	spec := new(specs.Spec)
	const small = `{"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"args": ["a"], "cwd": "/"},
		"linux": {"namespaces": [{"type": "mount"}, {"type": "network"}]}}`
	for _, text := range []string{small, strings.ReplaceAll(fragment, "WORD", word)} {
		part, err := ocijson.Spec("", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		// The second may have keys of the specification that the decoder skips.
		if err := json.Unmarshal([]byte(text), spec); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		spec.Hooks = part.Hooks
	}
	p, warnings, err := specconv.Plan(spec, host, opts)
	return p, err == nil && len(warnings) == 0
}

// variants are words close to the listed ones: what a typing error, or a list
// that lags behind the code, would come to.
func variants(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, w, "no"+w, "r"+w, strings.TrimPrefix(w, "no"), strings.TrimPrefix(w, "r"), strings.ToUpper(w), strings.ToLower(w), w+"_X", w+"s")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestFeaturesWords: every word that is listed is accepted, and no other.
func TestFeaturesWords(t *testing.T) {
	doc, _ := featuresDoc(t, "features")
	memory := features.MemoryPolicy{}
	if doc.Linux.MemoryPolicy != nil {
		memory = *doc.Linux.MemoryPolicy
	}
	for _, c := range []struct {
		name      string
		listed    []string
		more      []string // words of the specification and of other runtimes
		fragments []string // one that is accepted is enough
	}{
		{"namespaces", doc.Linux.Namespaces, []string{"net", "mnt", "userns"},
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "WORD", "path": "/ns"}]}}`, `{"linux": {"namespaces": [{"type": "WORD"}]}}`}},
		{"capabilities", doc.Linux.Capabilities, []string{"CAP_ALL", "ALL", "CHOWN", "CAP_41", "41"},
			[]string{`{"process": {"args": ["a"], "cwd": "/", "capabilities": {"bounding": ["WORD"], "permitted": ["WORD"], "effective": ["WORD"], "inheritable": ["WORD"], "ambient": ["WORD"]}}}`}},
		{"actions", doc.Linux.Seccomp.Actions, []string{"SCMP_ACT_BOGUS", "ALLOW"},
			[]string{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/agent", "syscalls": [{"names": ["acct"], "action": "WORD"}]}}}`}},
		{"operators", doc.Linux.Seccomp.Operators, []string{"EQ"},
			[]string{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": "WORD"}]}]}}}`}},
		{"archs", doc.Linux.Seccomp.Archs, []string{"SCMP_ARCH_NATIVE", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "amd64"},
			[]string{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["WORD"], "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]}}}`}},
		{"flags", doc.Linux.Seccomp.KnownFlags, []string{"SECCOMP_FILTER_FLAG_NEW_LISTENER", "SECCOMP_FILTER_FLAG_TSYNC_ESRCH", "LOG"},
			[]string{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["WORD"], "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]}}}`}},
		{"memory policy modes", memory.Modes, []string{
			"MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_MAX",
		}, []string{`{"linux": {"memoryPolicy": {"mode": "WORD", "nodes": "0"}}}`, `{"linux": {"memoryPolicy": {"mode": "WORD"}}}`}},
		{"memory policy flags", memory.Flags, []string{"MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING", "MPOL_F_NODE"},
			[]string{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["WORD"]}}}`}},
	} {
		for _, word := range append(variants(c.listed), c.more...) {
			ok := slices.ContainsFunc(c.fragments, func(fragment string) bool { _, ok := accepts(t, fragment, word); return ok })
			if listed := slices.Contains(c.listed, word); ok != listed {
				t.Errorf("%s: %q is listed: %v, accepted: %v", c.name, word, listed, ok)
			}
		}
	}
	hooks := variants(doc.Hooks)
	for _, word := range append(hooks, "postStart", "createruntimes") { // keys match in any case
		p, ok := accepts(t, `{"hooks": {"WORD": [{"path": "/the/hook"}]}}`, word)
		if runs := ok && strings.Contains(planText(t, p), "/the/hook"); runs != slices.ContainsFunc(doc.Hooks, func(listed string) bool { return strings.EqualFold(listed, word) }) {
			t.Errorf("hooks: %q is listed: %v, runs: %v", word, !runs, runs)
		}
	}
}

func planText(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var text strings.Builder
	if err := plan.JSON(&text, p); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestFeaturesMountOptions: a bind mount refuses what is a filesystem's, which
// every word is that the runtime does not know. It warns of flags that the
// runtime knows, but which are a filesystem's.
func TestFeaturesMountOptions(t *testing.T) {
	doc, _ := featuresDoc(t, "features")
	const bind = `{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind", "WORD"]}],
		"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}}`
	const tmpfs = `{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["WORD"]}]}`
	words := append(variants(doc.MountOptions), "copy-symlink", "dest-nofollow", "src-nofollow", "rsync", "rasync", "rdirsync", "rmand", "rnomand",
		"x-mount.mkdir", "nofail", "_netdev", "user", "owner", "move", "make-private", "size=1m", "mode=755", "context=a", "newinstance", "ptmxmode=666")
	for _, word := range words {
		_, ok := accepts(t, bind, word)
		if !ok { // one for filesystems alone, which must not get to see it
			var p *plan.Plan
			p, ok = accepts(t, tmpfs, word)
			every := slices.Contains([]string{"dirsync", "lazytime", "mand", "sync"}, word) // fsconfig(2) of every filesystem
			ok = ok && (every || !strings.Contains(planText(t, p), `"`+word+`"`))
		}
		if listed := slices.Contains(doc.MountOptions, word); ok != listed {
			t.Errorf("mount option %q is listed: %v, understood: %v", word, listed, ok)
		}
	}
}

// TestFeaturesSwitches: what is said to be enabled is accepted in a
// configuration, and what is not is refused.
func TestFeaturesSwitches(t *testing.T) {
	doc, _ := featuresDoc(t, "features")
	l := doc.Linux
	is := func(b *bool) bool { return b != nil && *b }
	const process = `{"process": {"args": ["a"], "cwd": "/", `
	for _, c := range []struct {
		name     string
		enabled  bool
		fragment string
	}{
		{"seccomp", is(l.Seccomp.Enabled), `{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}`},
		{"apparmor", is(l.Apparmor.Enabled), process + `"apparmorProfile": "p"}}`},
		{"selinux", is(l.Selinux.Enabled), process + `"selinuxLabel": "a:b:c:s0"}}`},
		{"intelRdt", is(l.IntelRdt.Enabled), `{"linux": {"intelRdt": {"closID": "c"}}}`},
		{"intelRdt schemata", is(l.IntelRdt.Schemata), `{"linux": {"intelRdt": {"closID": "c", "schemata": ["L3:0=f"]}}}`},
		{"intelRdt monitoring", is(l.IntelRdt.Monitoring), `{"linux": {"intelRdt": {"closID": "c", "enableMonitoring": true}}}`},
		{"netDevices", l.NetDevices != nil && is(l.NetDevices.Enabled), `{"linux": {"netDevices": {"eth0": {"name": "eth1"}}}}`},
		{"memoryPolicy", l.MemoryPolicy != nil, `{"linux": {"memoryPolicy": {"mode": "MPOL_DEFAULT"}}}`},
		{"idmap", l.MountExtensions != nil && is(l.MountExtensions.IDMap.Enabled), `{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind"],
			"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]}`},
		{"rdma", is(l.Cgroup.Rdma), `{"linux": {"resources": {"rdma": {"mlx5_1": {"hcaHandles": 3}}}}}`},
	} {
		if _, ok := accepts(t, c.fragment, ""); ok != c.enabled {
			t.Errorf("%s is enabled: %v, accepted: %v", c.name, c.enabled, ok)
		}
	}
	_, ok := acceptsOn(t, richHost, specconv.Options{ID: "x", Bundle: "/b", SystemdCgroup: true}, `{"linux": {"cgroupsPath": "system.slice:a:b"}}`, "")
	if ok != is(l.Cgroup.Systemd) || is(l.Cgroup.V1) || !is(l.Cgroup.V2) {
		t.Errorf("cgroup %+v, --systemd-cgroup is accepted: %v", l.Cgroup, ok)
	}
	// The document tells what is compiled in; what a machine lacks is found when
	// a container asks for it.
	poor := richHost
	poor.AppArmor, poor.SELinux = false, false
	for _, fragment := range []string{process + `"apparmorProfile": "p"}}`, process + `"selinuxLabel": "a:b:c:s0"}}`} {
		if _, ok := acceptsOn(t, poor, specconv.Options{ID: "x", Bundle: "/b"}, fragment, ""); ok {
			t.Errorf("%s is accepted on a machine without", fragment)
		}
	}
}

// TestFeaturesCaller: who asks and where the state is makes no difference, and
// nothing is made.
func TestFeaturesCaller(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	_, want := featuresDoc(t, "features")
	for _, args := range []string{"--root " + dir + "/state features", "--root /nonexistent/x features", "--systemd-cgroup --rootless true features"} {
		if _, got := featuresDoc(t, args); got != want {
			t.Errorf("%s differs", args)
		}
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 0 {
		t.Errorf("it made %v, %v", made, err)
	}
}

// TestFeaturesAnnotations: the annotations that the program reads are the
// potentially unsafe ones; each entry stands for at least one.
func TestFeaturesAnnotations(t *testing.T) {
	doc, _ := featuresDoc(t, "features")
	unsafe := doc.PotentiallyUnsafeConfigAnnotations
	used := map[string]bool{}
	for key, file := range annotationsRead(t) {
		i := slices.IndexFunc(unsafe, func(entry string) bool {
			return entry == key || strings.HasSuffix(entry, ".") && strings.HasPrefix(key, entry)
		})
		if i < 0 {
			t.Errorf("%s reads annotation %s, which is not listed as potentially unsafe", file, key)
			continue
		}
		used[unsafe[i]] = true
	}
	for _, entry := range unsafe {
		if !used[entry] {
			t.Errorf("annotation %s is listed, but nothing reads it", entry)
		}
	}
	if doc.Annotations["io.github.crun-go.version"] != "1.2.3" || doc.Annotations["io.github.crun-go.commit"] != "abc" {
		t.Errorf("annotations %v", doc.Annotations)
	}
}

// annotationsRead finds the keys of annotations in the program's source: texts
// that begin like one of the namespaces that runtimes use.
func annotationsRead(t *testing.T) map[string]string {
	t.Helper()
	key := regexp.MustCompile(`"((?:run\.oci|org\.systemd|org\.criu|org\.opencontainers\.runc|module\.wasm|krun|io\.kubernetes)[a-zA-Z0-9_.-]*)"`)
	direct := regexp.MustCompile(`Annotations\["([^"]+)"\]`)
	found := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "tests" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "features.go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range append(key.FindAllSubmatch(text, -1), direct.FindAllSubmatch(text, -1)...) {
			found[string(m[1])] = path
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Skip("the sources are not here: ", err)
	}
	return found
}
