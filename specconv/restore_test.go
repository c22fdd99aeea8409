package specconv

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// imageOf is the image of a container that has all from outside that it can have.
func imageOf(t *testing.T, spec *specs.Spec, host Host, opts Options) Image {
	t.Helper()
	externals, err := Externals(spec, host, opts)
	if err != nil {
		t.Fatal(err)
	}
	limit := int64(1 << 20)
	image := Image{
		Streams: []string{"", "pipe:[4711]", "file[1a:2b]"},
		Limits:  &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}},
	}
	for i, e := range externals {
		image.Mounts = append(image.Mounts, plan.ImageMount{ID: "mount-" + strconv.Itoa(i), Kind: e.Kind, Target: e.Target, Point: e.Target})
	}
	return image
}

// checkRestore plans the restore of a configuration of which a container can be
// made: that is possible too, or the error names a field.
func checkRestore(t *testing.T, spec *specs.Spec, host Host, opts Options) {
	t.Helper()
	p, _, err := Restore(spec, host, opts, Image{})
	if err == nil {
		if p, _, err = Restore(spec, host, opts, imageOf(t, spec, host, opts)); err == nil {
			checkSlots(t, p)
			return
		}
	}
	var wrong *plan.FieldError
	if p != nil || !errors.As(err, &wrong) || wrong.Field == "" {
		t.Fatalf("restore: error without field: %#v", err)
	}
}

// checkSlots fails the test unless every tree is opened before it is used.
func checkSlots(t *testing.T, p *plan.Plan) {
	t.Helper()
	opened := map[int]bool{-1: true}
	for _, item := range p.Parent {
		var used []int
		switch s := item.Step.(type) {
		case *plan.OpenTree:
			opened[s.Slot] = true
		case *plan.OpenInTree:
			used = []int{s.Tree}
			opened[s.Slot] = true
		case *plan.MakeMountPoint:
			used = []int{s.Tree, s.Like}
		case *plan.StageRoot:
			used = []int{s.Slot}
		case *plan.StageMount:
			used = []int{s.Slot}
		}
		for _, slot := range used {
			if !opened[slot] {
				t.Errorf("%s: slot %d is not open", item, slot)
			}
		}
	}
}

// TestGoldenRestore: what a restore does for every bundle is known, and is on
// record for some.
func TestGoldenRestore(t *testing.T) {
	recorded := []string{"buildah-userns", "by-hand-rare-fields", "cri2-shared-pid", "docker-readonly-tmpfs", "podman-hooks", "podman-idmap-mount", "rootless-podman-run"}
	bundles(t, func(name string, spec *specs.Spec, host Host) {
		t.Run(name, func(t *testing.T) {
			opts := goldenOptions(spec)
			opts.Run = true
			p, warnings, err := Restore(spec, host, opts, imageOf(t, spec, host, opts))
			if err != nil {
				t.Fatal(err)
			}
			checkSlots(t, p)
			if len(p.Init) > 0 || (p.Filter != nil) != (spec.Linux.Seccomp != nil) {
				t.Errorf("%d steps for an init, filter %v", len(p.Init), p.Filter)
			}
			if slices.Contains(recorded, name) {
				onRecord(t, "restore-"+name, p, warnings)
			}
		})
	})
}

func restoreOf(t *testing.T, fragment string) *plan.Plan {
	t.Helper()
	spec := decode(t, fragment)
	p, _, err := Restore(spec, goldenHost, testOptions, imageOf(t, spec, goldenHost, testOptions))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMountPoints: what the first start has made in the root filesystem and in
// volumes is made again, as far as it is in what is mounted before CRIU comes.
func TestMountPoints(t *testing.T) {
	for name, c := range map[string]struct{ mounts, want string }{
		"in the root":         {`{"destination": "/v", "source": "/vol", "options": ["bind"]}`, "0/v"},
		"in a volume":         {`{"destination": "/v", "source": "/vol", "options": ["bind"]}, {"destination": "/v/a/b", "source": "/other", "options": ["bind"]}`, "0/v 1/a/b"},
		"a typed one":         {`{"destination": "/v", "source": "/vol", "options": ["bind"]}, {"destination": "/v/a", "type": "tmpfs"}`, "0/v 1/a"},
		"in a tmpfs":          {`{"destination": "/t", "type": "tmpfs"}, {"destination": "/t/a", "source": "/vol", "options": ["bind"]}`, "0/t"},
		"before the volume":   {`{"destination": "/v/a", "source": "/vol", "options": ["bind"]}, {"destination": "/v", "source": "/vol", "options": ["bind"]}`, "0/v/a 0/v"},
		"no part of its name": {`{"destination": "/v", "source": "/vol", "options": ["bind"]}, {"destination": "/va", "source": "/other", "options": ["bind"]}`, "0/v 0/va"},
		"read-only":           {`{"destination": "/v", "source": "/vol", "options": ["rbind", "rro"]}, {"destination": "/v/a", "type": "tmpfs"}`, "0/v 1/a (find)"},
		"in one of the container's own": {`{"destination": "/v", "source": "/vol", "options": ["bind"]}, {"destination": "/v/a", "type": "tmpfs"},
			{"destination": "/w", "source": "rootfs/v", "options": ["bind"]}, {"destination": "/w/x", "type": "tmpfs"}`, "0/v 1/a 0/w 2/x"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range steps[*plan.MakeMountPoint](restoreOf(t, `{"mounts": [`+c.mounts+`]}`)) {
				one := strconv.Itoa(s.Tree) + s.Rest
				if s.Readonly {
					one += " (find)"
				}
				got = append(got, one)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestRestoreInRoot: a source in the container is opened where it is, with all
// that create does to it.
func TestRestoreInRoot(t *testing.T) {
	p := restoreOf(t, `{"mounts": [{"destination": "/v", "source": "/vol", "options": ["bind"]},
		{"destination": "/w", "source": "rootfs/v/a", "options": ["rbind", "ro"],
			"uidMappings": [{"containerID": 0, "hostID": 7, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 7, "size": 1}]}]}`)
	if s := step[*plan.OpenInTree](t, p); s.Tree != 1 || s.Rest != "/a" || s.Slot != 2 {
		t.Errorf("%+v, want a of tree 1", s)
	}
	s := steps[*plan.StageMount](p)[1]
	if s.Slot != 2 || !s.InTree || !s.Recursive || s.IDMap == nil || s.IDMap.UIDs[0].HostID != 7 {
		t.Errorf("%+v, want what was opened, with its ids mapped", s)
	}
}

func TestExternals(t *testing.T) {
	names := func(fragment string) string {
		list, err := Externals(decode(t, fragment), goldenHost, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range list {
			names = append(names, e.Kind+" "+e.Target)
			if (e.Source != nil) != (e.Kind == plan.ExternalBind) {
				t.Errorf("%s %s: source %v", e.Kind, e.Target, e.Source)
			}
		}
		return strings.Join(names, ", ")
	}
	const mounts = `"mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/sys/fs/cgroup", "type": "cgroup"},
		{"destination": "/data", "source": "/vol", "options": ["bind"]}], "linux": {"maskedPaths": ["/proc/keys"], "namespaces": [{"type": "mount"}, {"type": "pid"}`
	if got := names(`{` + mounts + `]}}`); got != "cgroup /sys/fs/cgroup, bind /data, mask /proc/keys" {
		t.Errorf("the host's cgroups: %s", got)
	}
	if got := names(`{` + mounts + `, {"type": "cgroup"}]}}`); got != "bind /data, mask /proc/keys" {
		t.Errorf("cgroups of its own: %s", got)
	}
}

func TestRestoreStreams(t *testing.T) {
	owners := func(fragment string) (owners []int) {
		for _, s := range steps[*plan.PassStream](restoreOf(t, fragment)) {
			owners = append(owners, s.Owner)
		}
		return owners
	}
	const userns = `"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
		"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 9}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 9}]}`
	for fragment, want := range map[string][]int{
		`{}`: {-1, -1}, `{"process": {"user": {"uid": 5}}}`: {5, 5}, `{` + userns + `}`: {1000, 1000}, `{"process": {"user": {"uid": 5}}, ` + userns + `}`: {1005, 1005},
	} {
		if got := owners(fragment); !slices.Equal(got, want) {
			t.Errorf("%s: owners %v, want %v", fragment, got, want)
		}
	}
	spec := decode(t, `{}`)
	p, _, err := Restore(spec, goldenHost, testOptions, Image{Streams: []string{"/dev/null", "tty[1:2]", "", "pipe:[3]"}})
	if err != nil {
		t.Fatal(err)
	}
	if s := step[*plan.PassStream](t, p); s.FD != 1 || s.Key != "tty[1:2]" {
		t.Errorf("%+v, want the terminal", s)
	}
}

func TestRestoreInvalid(t *testing.T) {
	const namespaces = `{"linux": {"namespaces": [{"type": "mount"}, `
	for _, c := range []struct {
		fragment string
		image    Image
		text     string
	}{
		{`{"linux": {"namespaces": [{"type": "pid"}]}}`, Image{}, "linux.namespaces: no mount namespace"},
		{namespaces + `{"type": "cgroup", "path": "/c"}]}}`, Image{}, `linux.namespaces[1].path: CRIU can't restore into the cgroup namespace "/c"`},
		{`{"mounts": [{"destination": "/", "source": "/a", "options": ["bind"]}]}`, Image{}, `mounts[0].destination: a container with a mount on "/"`},
		{`{"mounts": [{"destination": "/", "type": "tmpfs"}]}`, Image{}, `mounts[0].destination: a container with a mount on "/"`},
		{`{"mounts": [{"destination": "/t", "type": "tmpfs"}, {"destination": "/w", "source": "rootfs/t/a", "options": ["bind"]}]}`, Image{},
			`mounts[1].source: "/t/a" is in a filesystem of the container's own`},
		{`{}`, Image{Mounts: []plan.ImageMount{{ID: "mount-0", Kind: plan.ExternalBind, Target: "/etc"}}}, `mounts: the image has a bind mount at "/etc", and config.json has none there`},
		{`{"process": {"args": []}}`, Image{}, "process.args: "},
	} {
		p, _, err := Restore(decode(t, c.fragment), goldenHost, testOptions, c.image)
		if p != nil || err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s", c.fragment, err, c.text)
		}
	}
}
