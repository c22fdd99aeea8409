package model

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

var host = specconv.Host{LastCap: 40, Caps: 1<<41 - 1, CgroupRoot: "/sys/fs/cgroup", CgroupParent: "/", PIDLast: true}

// fold lists what init comes to by a plan.
func fold(p *plan.Plan, o Origin) (lines []Line, steps []plan.InitStep) {
	for _, item := range p.Init {
		steps = append(steps, item.Step.(plan.InitStep))
	}
	return Fold(Begin(o), steps), steps
}

// captured calls f with the configurations in files that engines have made.
func captured(t *testing.T, f func(name string, spec *specs.Spec)) {
	const bundles = "../../../specconv/testdata/bundles/"
	files, err := filepath.Glob(bundles + "*.json")
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
		f(name, spec)
	}
}

// joinPID has a configuration join a pid namespace.
func joinPID(spec *specs.Spec) {
	for i := range spec.Linux.Namespaces {
		if ns := &spec.Linux.Namespaces[i]; ns.Type == specs.PIDNamespace {
			ns.Path = "/proc/4242/ns/pid"
		}
	}
}

// TestSeen: while processes of the container's may see init, it has nothing that the
// container's process will not have.
func TestSeen(t *testing.T) {
	captured(t, func(name string, spec *specs.Spec) {
		for _, joined := range []bool{false, true} {
			if joined {
				joinPID(spec)
			}
			opts := specconv.Options{ID: "seen", Bundle: "/bundle", Detach: true, ConsoleSocket: spec.Process.Terminal}
			p, _, err := specconv.Plan(spec, host, opts)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			nothingMore(t, name, p, Origin{Fifos: true})
		}
		filter, err := specconv.Filter(spec.Linux.Seccomp)
		if err != nil {
			t.Fatal(err)
		}
		in := specconv.Inside{ID: "seen", Bundle: "/bundle", PIDLast: true, Filter: filter, Detach: true, ConsoleSocket: spec.Process.Terminal}
		p, _, err := specconv.ExecPlan(spec, spec.Process, host, in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		nothingMore(t, name+", exec", p, Origin{Exec: true, In: unix.CLONE_NEWNS})
	})
}

func nothingMore(t *testing.T, name string, p *plan.Plan, o Origin) {
	t.Helper()
	lines, _ := fold(p, o)
	last := lines[len(lines)-1].State
	for _, l := range lines {
		if !l.Seen || l.Program == Process {
			continue
		}
		if l.Root != last.Root || l.In != last.In || l.IDs != last.IDs || l.Caps != last.Caps || l.NoNewPrivs != last.NoNewPrivs || l.Filter != last.Filter {
			t.Errorf("%s: after %q it is\n%+v, the container's process\n%+v", name, l.Step, l.State, last)
		}
		if l.Descriptors&^(Streams|Socket|Start|Answer|Logs) != 0 {
			t.Errorf("%s: after %q it has %v", name, l.Step, l.Descriptors)
		}
	}
	if !last.Seen || last.Program != Process || last.Memory != 0 {
		t.Errorf("%s: in the end it is %+v", name, last)
	}
}

var update = flag.Bool("update", false, "write the tables into SECURITY.md instead of comparing with them")

// TestTable: SECURITY.md shows the model.
func TestTable(t *testing.T) {
	const file = "../../../SECURITY.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- made by go test ./libcontainer/initproc/model -update -->\n", "<!-- end of what is made -->\n"
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the tables", file)
	}
	want := head + begin + tables(t) + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s shows another model; -update writes this one", file)
	}
}

// tables are the model of a container with all that makes a difference.
func tables(t *testing.T) string {
	const config = `{"ociVersion": "1.2.0", "root": {"path": "rootfs"}, "process": {"args": ["/app"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
		"linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "cgroup"}],
			"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}}}`
	const all = unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNS
	spec, err := ocijson.Spec("config.json", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	made := func(p *plan.Plan, _ []specconv.Warning, err error) *plan.Plan {
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	filter, err := specconv.Filter(spec.Linux.Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	opts := specconv.Options{ID: "c", Bundle: "/bundle", Detach: true}
	create, _ := fold(made(specconv.Plan(spec, host, opts)), Origin{In: all, Fifos: true})
	exec, _ := fold(made(specconv.ExecPlan(spec, spec.Process, host, specconv.Inside{ID: "c", Bundle: "/bundle", PIDLast: true, Filter: filter, Detach: true})),
		Origin{Exec: true, In: (all | unix.CLONE_NEWCGROUP) &^ unix.CLONE_NEWPID})
	joinPID(spec)
	join, _ := fold(made(specconv.Plan(spec, host, opts)), Origin{In: all &^ unix.CLONE_NEWPID, Fifos: true})
	return "\n`create`:\n\n" + Table(create) + "\n`create` in a pid namespace by path:\n\n" + Table(join) + "\n`exec`:\n\n" + Table(exec) + "\n"
}
