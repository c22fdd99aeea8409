package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/create"
	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TestFor: what is advised comes of values deep in an error, and never of its words.
func TestFor(t *testing.T) {
	written := func(file string, err error) error {
		return &cgroups.Error{Field: "x", Op: "write", File: "/sys/fs/cgroup/c/" + file, Value: "5", Err: err}
	}
	own := func(kind specs.LinuxNamespaceType) error {
		return &create.OwnNamespaceError{Namespace: plan.Namespace{Type: kind, Field: "linux.namespaces[1].path", Changes: "hostname"}}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("clone3: fsmount: operation not permitted"), ""},
		{&plan.FieldError{Field: "hostname", Err: unix.EPERM, Hint: "leave it out"}, "leave it out"},

		{&cgroups.MissingError{Controller: "memory"}, "Delegate=yes"},
		{&fs.PathError{Op: "read", Path: "/x", Err: &cgroups.MissingError{Why: cgroups.Populated}}, "no-internal-process"},
		{written("memory.max", &cgroups.MissingError{Why: cgroups.OwnedByV1}), "unified_cgroup_hierarchy=1"},
		{written("memory.max", cgroups.ErrNotExist), ""},
		{written("memory.max", unix.EINVAL), "number of bytes"},
		{written("cpu.max", unix.ERANGE), "at least 1000"},
		{written("cpuset.cpus.partition", unix.EINVAL), "member, root or isolated"},
		{written("cpuset.cpus.partition", errors.New("root invalid")), "CPUs of its own"},
		{written("io.max", unix.ENODEV), "a whole disk"},
		{written("pids.max", unix.ENODEV), ""},
		{written("io.weight", cgroups.ErrNotSupported), "BFQ"},
		{written("cgroup.subtree_control", unix.EBUSY), "no-internal-process"},
		{written("cpuset.cpus", unix.EBUSY), "uses the resource"},
		{written("pids.max", unix.EROFS), "cannot write there"},
		{&cgroups.Error{Field: "devices", Err: unix.EPERM}, "CAP_BPF"},
		{&cgroups.Error{Field: "pids.limit", Err: errors.New("0, expected more")}, ""},

		{libcontainer.ErrNoCgroup, "recreate the container: use --systemd-cgroup"},
		{&plan.FieldError{Field: "linux.cgroupsPath", Err: &libcontainer.MovedError{From: "/a", To: "/b"}}, "recreate"},
		{&resource.EnterError{From: "/a/b", To: "/a/c/d", Err: unix.EACCES}, `from a process in "/a/c", or have cgroup.procs of "/a"`},
		{&resource.EnterError{From: "/a", To: "/user.slice/user@5.service/x", Err: unix.EACCES}, "systemd-run --user --scope"},
		{&systemd.UnitExistsError{Unit: "x.scope"}, "systemctl status x.scope"},
		{fmt.Errorf("%w (tried)", systemd.ErrNoSystemd), "loginctl enable-linger"},
		{&fs.PathError{Op: "make threaded", Path: "/x", Err: unix.EOPNOTSUPP}, "threaded subtree"},

		{&libcontainer.NamespacesError{Err: unix.EACCES}, "the same user"},
		{&libcontainer.NamespacesError{Err: unix.EIO}, ""},
		{own(specs.MountNamespace), "leave out linux.namespaces[1].path for a new namespace"},
		{own(specs.UTSNamespace), "or set hostname outside"},

		{&spawn.MapError{Why: spawn.NotGiven, Mapping: specs.LinuxIDMapping{HostID: 5, Size: 7}}, ":5:7 to /etc/subuid"},
		{&plan.FieldError{Err: &spawn.MapError{Why: spawn.NotOwned, Groups: true}}, "/proc/self/gid_map"},
		{&spawn.MapError{Why: spawn.NoHelper, Index: -1}, "install newuidmap"},
		{&spawn.MapError{Why: spawn.HelperFails, Groups: true}, "newgidmap"},
		{&spawn.MapError{Err: unix.EPERM}, ""},

		{fmt.Errorf("create: %w", &sys.KernelError{Calls: []string{"clone3"}, Old: true}), "crun-go needs clone3"},
		{&sys.KernelError{Calls: []string{"clone3"}}, "seccomp=unconfined"},
		{fault.Call("fsmount", unix.EPERM), ""}, // which this kernel has

		{&bundle.NoConfigError{Path: "/b/config.json"}, "--bundle"},
		{&fs.PathError{Op: "open", Path: "/b/config.json/config.json", Err: unix.ENOTDIR}, "is the directory that config.json is in"},
		{&plan.FieldError{Field: "root.path", Err: &fs.PathError{Op: "stat", Path: "/b/rootfs", Err: unix.ENOENT}}, "unpack an image there"},
		{&plan.FieldError{Field: "root.path", Err: unix.EACCES}, ""},
		{&plan.FieldError{Err: &jsontext.Error{Msg: "x", Hint: "look"}}, "look"},
		{&bundle.UnknownKeysError{Keys: []string{"x", "proces"}}, "proces: did you mean process?"},
		{&bundle.UnknownKeysError{Keys: []string{"proces"}, Err: &plan.FieldError{Field: "process", Err: unix.EINVAL}}, "proces: did you mean process?"},
		{&bundle.UnknownKeysError{Keys: []string{"proces"}, Err: &plan.FieldError{Field: "root", Err: unix.EINVAL, Hint: "look"}}, "look"},
		{&bundle.UnknownKeysError{Keys: []string{"arg", "process.arg"}, Err: &plan.FieldError{Field: "process.args", Err: unix.EINVAL}}, "process.arg: did you mean args?"},
		{&bundle.UnknownKeysError{Keys: []string{"linux.x"}}, ""},
		{libcontainer.ErrRunning, "waits for start"},
		{fmt.Errorf("%w: %w", libcontainer.ErrNotKept, unix.ENOENT), "recreate"},
		{fmt.Errorf("create: %w", state.ErrExist), "another id"},
		{unix.EMFILE, "ulimit -n"},
	} {
		if got := For(c.err); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
