package cgroups

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Each row is a write to a file with this content, and what takes it back; "-"
// if nothing does. The contents are the kernel's.
func TestInverse(t *testing.T) {
	for _, test := range []struct{ file, value, old, want string }{
		{"memory.max", "5", "max\n", "max"},
		{"memory.max", "max", "4096\n", "4096"},
		{"cpu.max", "5000", "max 100000\n", "max 100000"},
		{"cpu.weight", "5", "100\n", "100"},
		{"cpu.weight", "5", "0\n", "-"},
		{"cpuset.cpus", "0", "\n", "\n"},
		{"cpuset.cpus", "0", "0-3,7\n", "0-3,7"},
		{"cpuset.cpus.partition", "member", "root invalid (Parent is not a partition root)\n", "root"},
		{"io.max", "8:0 rbps=5", "8:16 rbps=1 wbps=max riops=max wiops=max\n8:0 rbps=2 wbps=3 riops=max wiops=max\n", "8:0 rbps=2 wbps=3 riops=max wiops=max"},
		{"io.max", "8:1 rbps=5", "8:16 rbps=1 wbps=max riops=max wiops=max\n", "8:1 rbps=max wbps=max riops=max wiops=max"},
		{"io.max", "8:1 rbps=5", "", "8:1 rbps=max wbps=max riops=max wiops=max"},
		{"io.latency", "8:0 target=100", "", "8:0 target=0"},
		{"io.weight", "50", "default 100\n8:0 20\n", "default 100"},
		{"io.weight", "default 50", "default 100\n8:0 20\n", "default 100"},
		{"io.weight", "8:0 50", "default 100\n8:0 20\n", "8:0 20"},
		{"io.bfq.weight", "8:16 50", "default 100\n8:0 20\n", "8:16 default"},
		{"io.bfq.weight", "50", "100\n", "-"},
		{"rdma.max", "mlx4_0 hca_handle=2", "mlx4_0 hca_handle=max hca_object=max\nocrdma1 hca_handle=1 hca_object=1\n", "mlx4_0 hca_handle=max hca_object=max"},
		{"rdma.max", "gone hca_handle=2", "mlx4_0 hca_handle=max hca_object=max\n", "-"},
		{"misc.max", "sev 5", "sev max\nsev_es 3\n", "sev max"},
		{"cgroup.subtree_control", "+memory -io +pids", "io pids\n", "-memory +io"},
		{"cgroup.subtree_control", "+pids", "io pids\n", "-"},
		{"memory.pressure", "some 100 1000000", "some avg10=0.00\n", "-"},
		{"cgroup.pressure", "0", "1\n", "1"},
		{"memory.peak", "reset", "4096\n", "-"},
		{"cpu.uclamp.max", "50", "max\n", "max"},
	} {
		got, ok := inverse(test.file, test.value, test.old)
		if !ok {
			got = "-"
		}
		if got != test.want {
			t.Errorf("%q to %s with %q: %q, want %q", test.value, test.file, test.old, got, test.want)
		}
	}
}

// The files are plain: what replaces a value must be as long. Each row fails at
// its end, for want of a file.
func TestUpdateIsAllOrNothing(t *testing.T) {
	for _, test := range []struct{ resources, files string }{
		{`{"memory":{"limit":2000,"swap":5000,"reservation":200},"pids":{"limit":9}}`,
			"memory.max=1000 memory.low=100 memory.swap.max=1111"},
		{`{"cpu":{"shares":2048,"quota":60000,"period":50000},"unified":{"cpu.nope":"1"}}`,
			"cpu.weight=100 cpu.max=50000,70000"},
		{`{"cpu":{"idle":1,"shares":512},"unified":{"cpu.nope":"1"}}`, "cpu.weight=174 cpu.idle=0"},
		{`{"cpu":{"cpus":"0-1","mems":"1"},"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":5}]}`,
			"cpuset.cpus=0-7 cpuset.mems=0 hugetlb.2MB.max=max"},
		{`{"unified":{"memory.high":"100","memory.min":"200","pids.max":"7"}}`, "memory.high=max memory.min=333"},
	} {
		files := strings.Fields(test.files)
		for i := range files {
			files[i] = strings.ReplaceAll(files[i], ",", " ")
		}
		c := fake(t, allControllers, files...)
		before := content(t, c, files...)
		undo, err := c.Update(resources(t, test.resources))
		var e *Error
		if !errors.As(err, &e) || e.Field == "" || e.File == "" || !errors.Is(err, ErrNotSupported) || undo != nil {
			t.Errorf("%s: error %v, want one that names field and file", test.resources, err)
		}
		if err != nil && strings.Contains(err.Error(), "put back") {
			t.Errorf("%s: %v", test.resources, err)
		}
		if after := content(t, c, files...); after != before {
			t.Errorf("%s:\n got  %s\n want %s", test.resources, after, before)
		}
	}
}

func TestUpdateCanBeTakenBack(t *testing.T) {
	c := fake(t, allControllers, "memory.max=1000", "pids.max=5")
	undo, err := c.Update(resources(t, `{"memory":{"limit":2000},"pids":{"limit":7}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, c, "memory.max", "pids.max"); got != "memory.max=2000; pids.max=7" {
		t.Error(got)
	}
	if err := undo(); err != nil {
		t.Error(err)
	}
	if got := content(t, c, "memory.max", "pids.max"); got != "memory.max=1000; pids.max=5" {
		t.Error(got)
	}
	if err := c.Set(resources(t, `{"memory":{"limit":3000}}`)); err != nil {
		t.Errorf("Set after Update: %v", err)
	}
}

// What can't be put back is told, and the rest is put back all the same.
func TestUpdateTellsWhatItCouldNotPutBack(t *testing.T) {
	c := fake(t, allControllers, "memory.max=1000", "memory.low=100")
	log := changes{{file: "memory.max", value: "9999"}, {file: "memory.high", value: "5"}, {file: "memory.low", value: "300"}}
	err := (&limits{dir: &c.dir, log: &log}).putBack()
	want := `put back "5": write ` + c.Dir() + "/memory.high: this kernel has no such file"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if got := content(t, c, "memory.max", "memory.low"); got != "memory.max=9999; memory.low=300" {
		t.Error(got)
	}
}

// What was refused was not written, and needs no putting back: that would be
// refused, too.
func TestUpdateForgetsWhatWasRefused(t *testing.T) {
	c := fake(t, allControllers, "memory.max=1000", "memory.low=100")
	if err := os.Remove(c.Dir() + "/memory.low"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.Dir()+"/memory.low", 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := c.Update(resources(t, `{"memory":{"limit":2000,"reservation":5}}`))
	want := `memory.reservation: write "5" to "` + c.Dir() + `/memory.low": is a directory`
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	var log changes
	l := &limits{dir: &c.dir, log: &log}
	l.write("memory.max", "3000")
	l.write("memory.low", "5")
	l.write("cpu.idle", "1")
	if len(log) != 1 || log[0] != (change{file: "memory.max", value: "1000"}) {
		t.Errorf("remembered %q", log)
	}
}

// Going idle and back costs the weight.
func TestUpdateRestoresTheWeightOfAnIdleCgroup(t *testing.T) {
	c := fake(t, allControllers, "cpu.weight=174", "cpu.idle=0")
	var log changes
	l := &limits{dir: &c.dir, log: &log}
	if err := l.write("cpu.idle", "1"); err != nil {
		t.Fatal(err)
	}
	if len(log) != 2 || log[0] != (change{file: "cpu.weight", value: "174"}) || log[1] != (change{file: "cpu.idle", value: "0"}) {
		t.Errorf("remembered %q", log)
	}
}

func TestUpdateInKernel(t *testing.T) {
	needController(t, "hugetlb")
	c := hostCgroup(t)
	files := func() string {
		return content(t, c, "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "cgroup.max.depth")
	}
	undo, err := c.Update(resources(t, `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}],"unified":{"cgroup.max.depth":"7"}}`))
	if err != nil {
		t.Fatal(err)
	}
	const limited = "hugetlb.2MB.max=4194304 ; hugetlb.2MB.rsvd.max=4194304 ; cgroup.max.depth=7 "
	if got := files(); got != limited {
		t.Error(got)
	}
	_, err = c.Update(resources(t, `{"hugepageLimits":[{"pageSize":"2MB","limit":2097152}],"unified":{"cgroup.max.depth":"x"}}`))
	if !errors.Is(err, unix.EINVAL) {
		t.Errorf("error %v, want EINVAL", err)
	}
	if got := files(); got != limited {
		t.Errorf("after a failure: %s", got)
	}
	if err := undo(); err != nil {
		t.Error(err)
	}
	if got := files(); got != "hugetlb.2MB.max=max ; hugetlb.2MB.rsvd.max=max ; cgroup.max.depth=max " {
		t.Errorf("taken back: %s", got)
	}
	if err := os.Remove(c.Dir()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Update(resources(t, `{"hugepageLimits":[{"pageSize":"2MB","limit":2097152}]}`)); !errors.Is(err, ErrNotExist) {
		t.Errorf("a cgroup that is gone: %v", err)
	}
}
