package builder

import (
	"encoding/json"
	"errors"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

// The error of a user who cannot make a cgroup names the limit that needs one.
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
		user := &Builder{Bundle: &bundle.Bundle{Spec: spec}}
		user.Host.EUID = 1000
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
		user.Host.EUID = 0
		if err := user.unlimited(step, unix.EACCES); err != unix.EACCES {
			t.Errorf("%s: root: %v", c.linux, err)
		}
	}
}
