package specconv

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestRootNamespace: the mount namespace is made of the root filesystem where nothing
// needs the host's mounts beside it.
func TestRootNamespace(t *testing.T) {
	const namespaces = `"namespaces": [{"type": "mount"}, {"type": "pid"}]`
	for _, c := range []struct {
		name, config string
		alone        bool
	}{
		{"plain", ``, true},
		{"bind mount", `"mounts": [{"destination": "/a", "source": "/etc", "options": ["rbind"]}]`, true},
		{"filesystems", `"mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/t", "type": "tmpfs"},
			{"destination": "/sys/fs/cgroup", "type": "cgroup"}, {"destination": "/t", "options": ["remount", "ro"]}]`, true},
		{"hooks inside, and after", `"hooks": {"startContainer": [{"path": "/h"}], "poststart": [{"path": "/h"}], "poststop": [{"path": "/h"}]}`, true},
		{"prestart", `"hooks": {"prestart": [{"path": "/h"}]}`, false},
		{"createRuntime", `"hooks": {"createRuntime": [{"path": "/h"}]}`, false},
		{"createContainer", `"hooks": {"createContainer": [{"path": "/h"}]}`, false},
		{"source in the root filesystem", `"mounts": [{"destination": "/a", "source": "rootfs/b", "options": ["bind"]}]`, false},
		{"overlay", `"mounts": [{"destination": "/a", "type": "overlay", "options": ["lowerdir=/b:/c"]}]`, false},
		{"disk", `"mounts": [{"destination": "/a", "type": "ext4", "source": "/dev/sda"}]`, false},
		{"mount on /", `"mounts": [{"destination": "/", "source": "/b", "options": ["bind"]}]`, false},
		{"tmpfs on /", `"mounts": [{"destination": "//", "type": "tmpfs"}]`, false},
		{"joined mount namespace", `"linux": {"namespaces": [{"type": "mount", "path": "/m"}]}`, false},
		{"joined pid namespace", `"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/p"}]}`, true},
		{"user namespace", `"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"hostID": 1, "size": 2}], "gidMappings": [{"hostID": 1, "size": 2}]}`, false},
		{"joined user namespace", `"linux": {"namespaces": [{"type": "mount"}, {"type": "user", "path": "/u"}]}`, false},
	} {
		if !strings.Contains(c.config, `"linux"`) {
			c.config += strings.Repeat(",", min(1, len(c.config))) + `"linux": {` + namespaces + `}`
		}
		host := goldenHost
		host.RootNamespace = true
		checkAlone(t, c.name, planOn(t, "{"+c.config+"}", host, testOptions), c.alone)
		host.RootNamespace = false
		checkAlone(t, c.name+", older kernel", planOn(t, "{"+c.config+"}", host, testOptions), false)
	}
	const plain = `{"linux": {` + namespaces + `}}`
	host := goldenHost
	host.RootNamespace = true
	options := testOptions
	options.NoPivot = true
	checkAlone(t, "--no-pivot", planOn(t, plain, host, options), false)
	for _, capability := range []uint{18, 27} { // CAP_SYS_CHROOT, CAP_MKNOD
		host := host
		host.Caps &^= 1 << capability
		checkAlone(t, "fewer capabilities", planOn(t, plain, host, testOptions), false)
	}
	host.PIDLast = false
	checkAlone(t, "pid namespace joined first", planOn(t, `{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/p"}]}}`, host, testOptions), false)
}

// checkAlone checks that all parts of a plan go one way.
func checkAlone(t *testing.T, name string, p *plan.Plan, want bool) {
	t.Helper()
	var alone, copied int
	for _, item := range append(p.Parent, p.Init...) {
		switch s := item.Step.(type) {
		case *plan.OpenTree:
			if s.Namespace {
				alone++
			}
		case *plan.EnterRootfs:
			alone++
		case *plan.MakeDevice:
			if s.NodeOnly != want {
				t.Errorf("%s: %+v", name, s)
			}
		case *plan.SetPropagation, *plan.AttachRoot, *plan.PivotRoot, *plan.MoveRoot:
			copied++
		case *plan.Spawn:
			for _, ns := range s.New {
				if ns == specs.MountNamespace {
					copied++
				}
			}
		}
	}
	if want && (alone != 2 || copied != 0) || !want && alone != 0 {
		t.Errorf("%s: %d steps for a mount namespace of the root filesystem, %d for a copy; want it: %v", name, alone, copied, want)
	}
}
