package specconv

import (
	"strings"
	"testing"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestUnit: cgroupsPath is slice:prefix:name.
func TestUnit(t *testing.T) {
	for _, c := range []struct {
		id, path string
		user     bool
		want     string
	}{
		{"x", "", false, "crun-go-x.scope system.slice /system.slice/crun-go-x.scope"},
		{"x", "", true, "crun-go-x.scope user.slice /user.slice/crun-go-x.scope user"},
		{"a+b", "", false, `crun-go-a\x2bb.scope system.slice /system.slice/crun-go-a\x2bb.scope`},
		{"x", "::x", false, "x.scope system.slice /system.slice/x.scope"},
		{"x", "-:p:x", false, "p-x.scope -.slice /p-x.scope"},
		{"x", "-.slice:p:x", false, "p-x.scope -.slice /p-x.scope"},
		{"x", "kubepods-burstable-pod7.slice:cri-containerd:x", false, "cri-containerd-x.scope kubepods-burstable-pod7.slice " +
			"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice/cri-containerd-x.scope"},
		{"x", "machine.slice::a-b.slice", false, "a-b.slice machine.slice /a.slice/a-b.slice"},
		{"x", "/a/b", false, `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/b" instead`},
		{"x", "a:b", false, `got "a:b" instead`},
		{"x", "a.slice:b:c:d", false, `got "a.slice:b:c:d" instead`},
		{"x", "a.slice:b:../c", false, `got "a.slice:b:../c" instead`},
		{"x", "a:b:c", false, `"a" is not the name of a slice`},
		{"x", "a--b.slice:b:c", false, `"a--b.slice" is not the name of a slice: a dash stands between two names`},
		{"x", "a.slice::-b.slice", false, `"-b.slice" is not the name of a slice: a dash`},
		{"x", "a b.slice:b:c", false, `"a b.slice" is not the name of a unit: it cannot contain ' '`},
		{"x", "a.slice:b:c+d", false, `"b-c+d.scope" is not the name of a unit: it cannot contain '+'`},
		{"x", ".slice:b:c", false, `".slice" is not the name of a unit`},
		{"x", "::" + strings.Repeat("n", 250), false, "is not the name of a unit, expected 1 to 255 characters"},
	} {
		host := goldenHost
		host.UserNS = c.user
		spec := decode(t, `{"linux": {"cgroupsPath": "`+c.path+`"}}`)
		p, _, err := Plan(spec, host, Options{ID: c.id, Bundle: "/bundle", SystemdCgroup: true})
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "linux.cgroupsPath: ") {
				t.Errorf("%q: %v; want %s", c.path, err, c.want)
			}
			continue
		}
		s := step[*plan.StartUnit](t, p)
		got := s.Name + " " + s.Slice + " " + s.Path
		if s.User {
			got += " user"
		}
		if got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.path, got, c.want)
		}
	}
}

// TestUnitSubgroup: the annotation makes a cgroup below the unit's.
func TestUnitSubgroup(t *testing.T) {
	for name, want := range map[string]string{"": "/system.slice/crun-go-test.scope", "in": "/system.slice/crun-go-test.scope/in", "..": "", "a/b": ""} {
		spec := decode(t, `{"annotations": {"run.oci.systemd.subgroup": "`+name+`"}}`)
		opts := testOptions
		opts.SystemdCgroup = true
		p, _, err := Plan(spec, goldenHost, opts)
		if want == "" {
			if err == nil || !strings.HasPrefix(err.Error(), "annotations.run.oci.systemd.subgroup: ") {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if s := step[*plan.StartUnit](t, p); s.Path != want || s.Subgroup != name {
			t.Errorf("%q: %+v", name, s)
		}
	}
}
