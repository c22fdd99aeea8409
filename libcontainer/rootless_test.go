package libcontainer

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// A user's containers get their cgroups where the kernel lets the user put
// processes that it has.
func TestBesideOrBelow(t *testing.T) {
	const scope = "/user.slice/user-5.slice/user@5.service/app.slice/a.scope"
	for _, c := range []struct {
		own, want string
		hold      []string
	}{
		{scope, "/user.slice/user-5.slice/user@5.service/app.slice", []string{scope, "/user.slice/user-5.slice/user@5.service/app.slice"}},
		{scope + "/leaf", scope, []string{scope, scope + "/leaf"}},
		{"/hand", "/hand", []string{"/hand"}},
		{"/", "/", []string{"/"}},
		{"/user.slice/user-5.slice/session-1.scope", "", nil},
		{"/../other", "", []string{"/..", "/../other"}},
		{"/..", "", []string{"/", "/.."}},
	} {
		if got := besideOrBelow(c.own, func(dir string) bool { return slices.Contains(c.hold, dir) }); got != c.want {
			t.Errorf("from %s: %q, want %q", c.own, got, c.want)
		}
	}
}

func TestUnitOf(t *testing.T) {
	const user = "/user.slice/user-5.slice/user@5.service"
	for cgroup, want := range map[string]string{
		user + "/app.slice/a.scope/leaf/b.scope": "a.scope",
		user + "/a.service":                      "a.service",
		user + "/app.slice/app-x.slice/web":      "",
		user + "/web/b.scope":                    "",
		user:                                     "",
		"/system.slice/a.service":                "",
		"/":                                      "",
	} {
		if got := unitOf(cgroup); got != want {
			t.Errorf("%s: %q, want %q", cgroup, got, want)
		}
	}
}

// Who may not make a cgroup is told which limit wanted it.
func TestUnlimited(t *testing.T) {
	step := &plan.CreateCgroup{Path: "/x"}
	for _, c := range []struct{ linux, field string }{
		{`{"resources": {"memory": {"limit": 1}}}`, "linux.resources.memory"},
		{`{"resources": {"cpu": {"shares": 5}, "memory": {}}}`, "linux.resources.cpu"},
		{`{"resources": {"pids": {"limit": 5}}}`, "linux.resources.pids.limit"},
		{`{"resources": {"pids": {"limit": -1}, "blockIO": {"weight": 5}}}`, "linux.resources.blockIO"},
		{`{"resources": {"hugepageLimits": [{"pageSize": "2MB", "limit": 5}]}}`, "linux.resources.hugepageLimits"},
		{`{"resources": {"rdma": {"x": {}}}}`, "linux.resources.rdma"},
		{`{"resources": {"unified": {"memory.high": "5"}}}`, "linux.resources.unified"},
		{`{"cgroupsPath": "x", "resources": {"memory": {"limit": 1}}}`, ""},
		{`{"cgroupsPath": "/x"}`, ""},
	} {
		spec := &specs.Spec{}
		systest.MustDo(t, json.Unmarshal([]byte(c.linux), &spec.Linux))
		user := &creation{blueprint: &blueprint{spec: spec}}
		user.host.EUID = 1000
		err := user.unlimited(step, unix.EACCES)
		var failed *plan.StepError
		if c.field == "" && err != unix.EACCES {
			t.Errorf("%s: %v, want no field", c.linux, err)
		}
		if c.field != "" && (!errors.As(err, &failed) || failed.Item.Field != c.field || failed.Item.Step != plan.Step(step) || !errors.Is(err, unix.EACCES)) {
			t.Errorf("%s: %v, want it at %s", c.linux, err, c.field)
		}
		if err := user.unlimited(step, unix.ENOSPC); err != unix.ENOSPC {
			t.Errorf("%s: no space: %v", c.linux, err)
		}
		if err := user.unlimited(step, unix.EROFS); err != unix.EROFS {
			t.Errorf("%s: read-only: %v", c.linux, err)
		}
		user.host.EUID = 0
		if err := user.unlimited(step, unix.EACCES); err != unix.EACCES {
			t.Errorf("%s: root: %v", c.linux, err)
		}
	}
}
