package exec

import (
	"reflect"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestProcessChanges: what is not asked for stays, and the container's own
// process is not touched.
func TestProcessChanges(t *testing.T) {
	own := func() specs.Process {
		return specs.Process{
			Args: []string{"a"}, Env: append(make([]string, 0, 8), "A=1"), Cwd: "/x", Terminal: true, NoNewPrivileges: true,
			User:            specs.User{UID: 5, GID: 6, AdditionalGids: append(make([]uint32, 0, 8), 7)},
			ApparmorProfile: "p", SelinuxLabel: "l",
			Capabilities: &specs.LinuxCapabilities{Bounding: append(make([]string, 0, 8), "CAP_KILL"), Inheritable: []string{"CAP_KILL"}},
		}
	}
	p := own()
	got := (&ProcessChanges{Args: []string{"b"}}).apply(p)
	want := own()
	want.Args, want.Terminal = []string{"b"}, false
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
	uid, gid := uint32(0), uint32(9)
	got = (&ProcessChanges{
		Args: []string{"b"}, Env: []string{"B=2"}, Cwd: "/y", UID: &uid, GID: &gid, Groups: []uint32{8},
		Capabilities: []string{"CAP_CHOWN", "CAP_KILL"}, Terminal: true, AppArmor: "q", SELinux: "m",
	}).apply(p)
	want = specs.Process{
		Args: []string{"b"}, Env: []string{"A=1", "B=2"}, Cwd: "/y", Terminal: true, NoNewPrivileges: true,
		User:            specs.User{UID: 0, GID: 9, AdditionalGids: []uint32{7, 8}},
		ApparmorProfile: "q", SelinuxLabel: "m",
		Capabilities: &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL", "CAP_CHOWN", "CAP_KILL"}, Effective: []string{"CAP_CHOWN", "CAP_KILL"}, Permitted: []string{"CAP_CHOWN", "CAP_KILL"},
			Ambient: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL"}, // what is inheritable can be ambient
		},
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if !reflect.DeepEqual(p, own()) || len(p.Env[:2:2][1]) != 0 {
		t.Errorf("the container's own has become %+v", p)
	}
}
