package specconv

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

var update = flag.Bool("update", false, "write the golden plans instead of comparing with them")

// goldenHost is a machine of today with everything a plan could ask for.
var goldenHost = Host{
	LastCap:      40,
	Caps:         1<<41 - 1,
	CgroupRoot:   "/sys/fs/cgroup",
	CgroupParent: "/",
	Kcore:        true,
	PIDLast:      true,
}

func goldenOptions(spec *specs.Spec) Options {
	return Options{
		ID:            "golden",
		Bundle:        "/bundle",
		Detach:        true,
		ConsoleSocket: spec.Process != nil && spec.Process.Terminal,
	}
}

// bundles calls f with the configuration of every recorded bundle, and the
// host it is meant for.
func bundles(t testing.TB, f func(name string, spec *specs.Spec, host Host)) {
	files, err := filepath.Glob("testdata/bundles/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bundles: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasPrefix(name, "process-") || strings.HasPrefix(name, "resources-") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := ocijson.Spec(file, data)
		if err != nil {
			t.Fatal(err)
		}
		host := goldenHost
		// Rootless podman starts the runtime as root of its own user namespace.
		host.UserNS = strings.HasPrefix(name, "rootless-podman-")
		f(name, spec, host)
	}
}

// TestGolden compares the plan of every bundle that real engines have made
// with the one on record.
func TestGolden(t *testing.T) {
	bundles(t, func(name string, spec *specs.Spec, host Host) {
		t.Run(name, func(t *testing.T) {
			golden(t, name, spec, host, goldenOptions(spec))
		})
	})
}

// TestGoldenSystemd has systemd make the cgroup, with the paths that engines
// give then.
func TestGoldenSystemd(t *testing.T) {
	paths := map[string]string{
		"cri-container":       "kubepods-burstable-pod12ab.slice:cri-containerd:34cd",
		"docker-limits":       "system.slice:docker:34cd",
		"rootless-podman-run": "user.slice:libpod:34cd",
	}
	bundles(t, func(name string, spec *specs.Spec, host Host) {
		if paths[name] == "" {
			return
		}
		spec.Linux.CgroupsPath = paths[name]
		opts := goldenOptions(spec)
		opts.SystemdCgroup = true
		t.Run(name, func(t *testing.T) { golden(t, name+"-systemd", spec, host, opts) })
	})
}

// golden compares a plan with the one on record.
func golden(t *testing.T, name string, spec *specs.Spec, host Host, opts Options) {
	p, warnings, err := Plan(spec, host, opts)
	if err != nil {
		t.Fatal(err)
	}
	onRecord(t, name, p, warnings)
}

// onRecord compares a plan, and the warnings with it, with what is on record.
func onRecord(t *testing.T, name string, p *plan.Plan, warnings []Warning) {
	t.Helper()
	for _, item := range p.Init {
		// How long a filter is, is the compiler's business.
		if load, ok := item.Step.(*plan.LoadSeccomp); ok {
			load.Filter = nil
		}
	}
	var got bytes.Buffer
	if err := plan.Text(&got, p); err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if w.Field != "linux.seccomp.syscalls" { // nor which syscalls it knows
			got.WriteString("warning: " + w.Field + ": " + w.Text + "\n")
		}
	}
	file := "testdata/golden/" + name + ".plan"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("plan differs from %s:\n%s", file, diff(string(want), got.String()))
	}
}

// diff shows the lines that two texts don't share.
func diff(want, got string) string {
	var b strings.Builder
	for _, side := range [...]struct{ mark, of, other string }{{"-", want, got}, {"+", got, want}} {
		others := map[string]bool{}
		for line := range strings.Lines(side.other) {
			others[line] = true
		}
		for line := range strings.Lines(side.of) {
			if !others[line] {
				b.WriteString(side.mark + line)
			}
		}
	}
	return b.String()
}

// TestDeterministic: the same input makes the same plan, whatever the order of
// maps.
func TestDeterministic(t *testing.T) {
	bundles(t, func(name string, spec *specs.Spec, host Host) {
		first, _, err := Plan(spec, host, goldenOptions(spec))
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			again, _, err := Plan(spec, host, goldenOptions(spec))
			if err != nil || !reflect.DeepEqual(first, again) {
				t.Fatalf("%s: plans differ, %v", name, err)
			}
		}
	})
}

// TestWire: every plan survives the way to init.
func TestWire(t *testing.T) {
	bundles(t, func(name string, spec *specs.Spec, host Host) {
		p, _, err := Plan(spec, host, goldenOptions(spec))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { survives(t, p) })
	})
}

// survives fails the test if init would not get the steps as they are.
func survives(t *testing.T, p *plan.Plan) {
	t.Helper()
	var err error
	message := codec.Reader(codec.Encode(func(c *codec.Coder) { err = p.CodeInit(c) }))
	if err != nil {
		t.Fatal(err)
	}
	var count int
	if message.Num(&count); count != len(p.Init) {
		t.Fatalf("%d steps became %d", len(p.Init), count)
	}
	for i, item := range p.Init {
		step := reflect.New(reflect.TypeOf(item.Step).Elem()).Interface().(plan.InitStep)
		if kind := plan.Kind(message.Next().Kind); kind != step.InitKind() {
			t.Fatalf("step %d %q became kind %d", i+1, item, kind)
		}
		step.Code(&message)
		if run, ok := item.Step.(*plan.Execute); ok && len(run.Env) == 0 {
			run.Env, step.(*plan.Execute).Env = nil, nil
		}
		if !reflect.DeepEqual(step, item.Step) || step.String() != item.String() {
			t.Errorf("step %d %q became %q", i+1, item, step)
		}
	}
	if !message.End() {
		t.Error("the message goes on")
	}
}

// BenchmarkPlan measures Docker's default container, seccomp profile included.
func BenchmarkPlan(b *testing.B) {
	data, err := os.ReadFile("testdata/bundles/docker-run-v2.json")
	if err != nil {
		b.Fatal(err)
	}
	spec, err := ocijson.Spec("config.json", data)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := Plan(spec, goldenHost, goldenOptions(spec)); err != nil {
			b.Fatal(err)
		}
	}
}
