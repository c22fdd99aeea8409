package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// needController skips where the host's v2 hierarchy lacks it.
func needController(t *testing.T, name string) {
	t.Helper()
	list, err := hostHierarchy(t).Available()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(list, name) {
		t.Skipf("cgroup v2 has no %s controller on this host: %s", name, strings.Join(list, " "))
	}
}

// Each row sets, one after the other in the same cgroup, and compares what the
// kernel says.
func TestSetInKernel(t *testing.T) {
	for _, test := range []struct {
		controller string
		steps      [][2]string // resources, "FILE=CONTENT; ..."
	}{
		{"memory", [][2]string{
			{`{"memory":{"limit":67108864,"reservation":33554432}}`, "memory.max=67108864; memory.low=33554432"},
			{`{"memory":{"limit":0,"reservation":0,"swap":0}}`, "memory.max=67108864; memory.low=33554432"},
			{`{"memory":{"limit":134217728,"swap":134217728}}`, "memory.max=134217728"},
			{`{"memory":{"limit":-1,"swap":-1,"reservation":-1}}`, "memory.max=max; memory.low=max"},
			{`{"unified":{"memory.high":"4194304"}}`, "memory.high=4194304"},
		}},
		{"cpu", [][2]string{
			{`{"cpu":{"shares":1024}}`, "cpu.weight=100"},
			{`{"cpu":{"shares":2048,"quota":50000}}`, "cpu.weight=174; cpu.max=50000 100000"},
			{`{"cpu":{"period":50000}}`, "cpu.max=50000 50000"},
			{`{"cpu":{"quota":20000}}`, "cpu.max=20000 50000"},
			{`{"cpu":{"burst":40000,"quota":40000}}`, "cpu.max=40000 50000; cpu.max.burst=40000"},
			{`{"cpu":{"burst":10000,"quota":10000}}`, "cpu.max=10000 50000; cpu.max.burst=10000"},
			{`{"cpu":{"quota":-1,"burst":0}}`, "cpu.max=max 50000; cpu.max.burst=0"},
			{`{"cpu":{"idle":1,"shares":512}}`, "cpu.idle=1"},
			{`{"cpu":{"idle":0,"shares":512}}`, "cpu.idle=0; cpu.weight=59"},
		}},
		{"cpuset", [][2]string{
			{`{"cpu":{"cpus":"0","mems":"0"}}`, "cpuset.cpus=0; cpuset.mems=0"},
			{`{"unified":{"cpuset.cpus":""}}`, "cpuset.cpus="},
		}},
		{"pids", [][2]string{
			{`{"pids":{"limit":7}}`, "pids.max=7"},
			{`{"pids":{"limit":0}}`, "pids.max=7"},
			{`{"pids":{"limit":-1}}`, "pids.max=max"},
			{`{"unified":{"pids.max":"9"}}`, "pids.max=9"},
		}},
		{"hugetlb", [][2]string{
			{`{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`, "hugetlb.2MB.max=4194304; hugetlb.2MB.rsvd.max=4194304"},
			{`{"hugepageLimits":[{"pageSize":"2MB","limit":0},{"pageSize":"7GB","limit":0}]}`, "hugetlb.2MB.max=0; hugetlb.2MB.rsvd.max=0"},
		}},
	} {
		t.Run(test.controller, func(t *testing.T) {
			needController(t, test.controller)
			c := hostCgroup(t)
			for _, step := range test.steps {
				r := resources(t, step[0])
				if err := errors.Join(c.Set(r), c.SetPids(r)); err != nil {
					t.Fatalf("%s: %v", step[0], err)
				}
				for want := range strings.SplitSeq(step[1], "; ") {
					name, _, _ := strings.Cut(want, "=")
					b, err := readAt(c.fd, name)
					if got := name + "=" + strings.TrimSpace(string(b)); err != nil || got != want {
						t.Errorf("%s: %s, %v; want %s", step[0], got, err, want)
					}
				}
			}
			if _, err := c.Stats(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestThrottleInKernel(t *testing.T) {
	needController(t, "io")
	disks, _ := os.ReadDir("/sys/block")
	c := hostCgroup(t)
	for _, d := range disks {
		text, err := os.ReadFile("/sys/block/" + d.Name() + "/dev")
		if err != nil {
			continue
		}
		dev := strings.TrimSpace(string(text))
		major, minor, _ := strings.Cut(dev, ":")
		num := specs.LinuxBlockIODevice{Major: *number(t, major), Minor: *number(t, minor)}
		r := &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
			ThrottleReadBpsDevice:   []specs.LinuxThrottleDevice{{LinuxBlockIODevice: num, Rate: 1 << 20}},
			ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: num, Rate: 99}},
		}}
		if err := c.Set(r); err != nil {
			t.Logf("%s: %v", d.Name(), err)
			continue
		}
		b, err := c.read("io.max")
		if want := dev + " rbps=1048576 wbps=max riops=max wiops=99"; err != nil || strings.TrimSpace(string(b)) != want {
			t.Errorf("io.max = %q, %v; want %q", b, err, want)
		}
		r.BlockIO.ThrottleReadBpsDevice[0].Rate = 0
		r.BlockIO.ThrottleWriteIOPSDevice[0].Rate = 0
		if err := c.Set(r); err != nil {
			t.Error(err)
		}
		if b, _ := c.read("io.max"); len(b) != 0 {
			t.Errorf("io.max = %q after rates of 0", b)
		}
		return
	}
	t.Skip("no disk takes a limit")
}

func TestOOMKillsInKernel(t *testing.T) {
	needController(t, "memory")
	c := hostCgroup(t)
	if err := c.Set(resources(t, `{"memory":{"limit":8388608,"swap":8388608}}`)); err != nil {
		t.Fatal(err)
	}
	w, err := c.Watch("memory.events")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cmd := exec.Command("sh", "-c", "x=$(dd if=/dev/zero bs=1M count=64 | tr '\\0' x); echo ${#x}")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: c.FD()}
	if err := cmd.Run(); err == nil {
		t.Error("the limit was not enforced")
	}
	if ok, err := w.Wait(5 * time.Second); !ok || err != nil {
		t.Errorf("Wait = %v, %v", ok, err)
	}
	if n, err := c.OOMKills(); n == 0 || err != nil {
		t.Errorf("OOMKills = %d, %v", n, err)
	}
}

func TestCheckBeforeUpdateInKernel(t *testing.T) {
	needController(t, "memory")
	c := hostCgroup(t)
	inCgroup(t, c, "sleep", "60")
	within(t, 5*time.Second, "memory in use", func() bool {
		r := reader{d: &c.dir}
		return r.number("memory.current") > 4096 && r.err == nil
	})
	err := c.Set(resources(t, `{"memory":{"limit":4096,"checkBeforeUpdate":true}}`))
	var e *Error
	if !errors.As(err, &e) || e.Field != "memory.limit" {
		t.Errorf("error %v", err)
	}
}

// A cgroup with processes of its own hands no controllers down: that is no
// error until one is needed, and then it is explained. Nor is the cgroup turned
// into a thread root, which the kernel would do for pids and refuse for hugetlb.
func TestInternalProcessRule(t *testing.T) {
	noLeak(t)
	for _, test := range []struct{ enabled, resources string }{
		{"hugetlb", `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`},
		{"memory", `{"memory":{"limit":67108864}}`},
		{"pids", `{"pids":{"limit":5}}`},
		{"cpuset cpu pids", `{"cpu":{"shares":5}}`},
	} {
		t.Run(test.enabled, func(t *testing.T) {
			for name := range strings.FieldsSeq(test.enabled) {
				needController(t, name)
			}
			c := hostCgroup(t)
			h := Hierarchy{Path: onlyWith(t, c, test.enabled)}
			inner, err := h.Open("/inner")
			if err != nil {
				t.Fatal(err)
			}
			defer inner.Close()
			inCgroup(t, inner, "sleep", "60")
			sub, err := h.Create("/inner/sub")
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Close()
			inCgroup(t, sub, "sleep", "60")
			r := resources(t, test.resources)
			err = errors.Join(sub.Set(r), sub.SetPids(r))
			var missing *MissingError
			if !errors.As(err, &missing) || missing.Why != Populated || !strings.Contains(err.Error(), "has processes of its own") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// onlyWith makes a cgroup below c that enables just these controllers for its
// child "inner" and returns its directory.
func onlyWith(t *testing.T, c *Cgroup, controllers string) string {
	t.Helper()
	for _, dir := range []string{c.Dir() + "/only", c.Dir() + "/only/inner"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	enable := "+" + strings.ReplaceAll(controllers, " ", " +")
	for _, dir := range []string{c.Dir(), c.Dir() + "/only"} {
		if err := os.WriteFile(dir+"/cgroup.subtree_control", []byte(enable), 0); err != nil {
			t.Fatal(err)
		}
	}
	return c.Dir() + "/only"
}

func TestHybridHostExplains(t *testing.T) {
	h := hostHierarchy(t)
	list, err := h.Available()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(list, "memory") || !ownedByV1("memory") {
		t.Skip("cgroup v1 does not own the memory controller here")
	}
	c := hostCgroup(t)
	err = c.Set(resources(t, `{"memory":{"limit":67108864}}`))
	var missing *MissingError
	if !errors.As(err, &missing) || missing.Why != OwnedByV1 || !strings.HasSuffix(err.Error(), "owned by cgroup v1 (hybrid host)") {
		t.Errorf("error %v", err)
	}
	t.Log(err)
}
