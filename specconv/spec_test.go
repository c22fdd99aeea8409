package specconv

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// minimal is a small valid configuration. Tests lay a fragment over it.
const minimal = `{
	"ociVersion": "1.3.0",
	"root": {"path": "rootfs"},
	"process": {"args": ["sh"], "cwd": "/", "env": ["PATH=/bin"]},
	"linux": {"namespaces": [
		{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}
	]}
}`

// userns is a fragment with a user namespace.
const userns = `"namespaces": [{"type": "mount"}, {"type": "user"}],
	"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
	"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}]`

var testOptions = Options{ID: "test", Bundle: "/bundle"}

// decode lays a fragment over the minimal configuration: its objects are
// merged, all else is replaced.
func decode(t testing.TB, fragment string) *specs.Spec {
	t.Helper()
	spec := new(specs.Spec)
	for _, document := range []string{minimal, fragment} {
		if err := json.Unmarshal([]byte(document), spec); err != nil {
			t.Fatalf("%s: %v", document, err)
		}
	}
	return spec
}

// planOf plans a fragment on the golden host.
func planOf(t testing.TB, fragment string) *plan.Plan {
	t.Helper()
	return planOn(t, fragment, goldenHost, testOptions)
}

func planOn(t testing.TB, fragment string, host Host, opts Options) *plan.Plan {
	t.Helper()
	p, _, err := Plan(decode(t, fragment), host, opts)
	if err != nil {
		t.Fatalf("%s: %v", fragment, err)
	}
	return p
}

// steps returns all steps of a type, of both halves.
func steps[S plan.Step](p *plan.Plan) []S {
	var found []S
	for _, half := range [...][]plan.Item{p.Parent, p.Init} {
		for _, item := range half {
			if s, ok := item.Step.(S); ok {
				found = append(found, s)
			}
		}
	}
	return found
}

// step returns the only step of a type.
func step[S plan.Step](t testing.TB, p *plan.Plan) S {
	t.Helper()
	found := steps[S](p)
	if len(found) != 1 {
		var none S
		t.Fatalf("%d steps of type %T, want 1", len(found), none)
	}
	return found[0]
}

// refused checks that a configuration is refused with an error about a field.
func refused(t testing.TB, spec *specs.Spec, host Host, opts Options, field, text string) {
	t.Helper()
	p, _, err := Plan(spec, host, opts)
	var wrong *plan.FieldError
	if !errors.As(err, &wrong) {
		t.Fatalf("error %v is no *plan.FieldError", err)
	}
	if wrong.Field != field {
		t.Errorf("field is %q, want %q (%v)", wrong.Field, field, err)
	}
	if !strings.Contains(wrong.Err.Error(), text) {
		t.Errorf("error %q does not say %q", wrong.Err, text)
	}
	if p != nil {
		t.Error("a plan came with the error")
	}
}
