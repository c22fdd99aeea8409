package cgroups

import (
	"errors"
	"os"
	"reflect"
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	c := fake(t, allControllers,
		"cpu.stat=usage_usec 700\nuser_usec 500\nsystem_usec 200\ncore_sched.force_idle_usec 0\nnr_periods 9\nnr_throttled 3\nthrottled_usec 40\nnr_bursts 2\nburst_usec 5\n",
		"cpu.pressure=some avg10=1.50 avg60=0.20 avg300=0.03 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n",
		"cpuset.cpus=\n", "cpuset.mems=0\n", "cpuset.cpus.effective=0-3\n", "cpuset.mems.effective=0\n",
		"memory.current=4096\n", "memory.peak=8192\n", "memory.max=max\n", "memory.low=0\n", "memory.stat=anon 100\nfile 200\n",
		"memory.events=low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\nsock_throttled 0\n",
		"memory.swap.current=7\n", "memory.swap.max=9\n",
		"pids.current=3\n", "pids.peak=5\n", "pids.max=max\n", "pids.events=max 8\n",
		"io.stat=8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n253:0 \n7:1 7:2 rbytes=9\n",
		"hugetlb.2MB.current=10\n", "hugetlb.2MB.max=20\n", "hugetlb.2MB.rsvd.current=1\n", "hugetlb.2MB.rsvd.max=max\n", "hugetlb.2MB.events=max 4\n",
		"rdma.current=mlx4_0 hca_handle=2 hca_object=20\n", "rdma.max=mlx4_0 hca_handle=max hca_object=30\n",
		"misc.current=sev 5\n", "misc.max=sev max\n", "misc.events=sev.max 2\n",
	)
	got, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{
		CPU: &CPUStats{Usage: 700, User: 500, System: 200, Periods: 9, Throttled: 3, ThrottledTime: 40, Bursts: 2, BurstTime: 5,
			PSI: &PSI{Some: PSILine{1.5, 0.2, 0.03, 123}, Full: PSILine{Total: 45}}},
		Cpuset: &CpusetStats{Mems: "0", EffectiveCPUs: "0-3", EffectiveMems: "0"},
		Memory: &MemoryStats{Usage: 4096, Peak: 8192, Limit: Max,
			Swap:   &SwapStats{Usage: 7, Limit: 9},
			Events: MemoryEvents{1, 2, 3, 4, 5, 6}, Stat: []KeyValue{{"anon", 100}, {"file", 200}}},
		Pids: &PidsStats{Current: 3, Peak: 5, Limit: Max, Refused: 8},
		IO: []IOStats{{Major: 8, ReadBytes: 1, WriteBytes: 2, ReadOps: 3, WriteOps: 4, DiscardBytes: 5, DiscardOps: 6},
			{Major: 253}, {Major: 7, Minor: 1}, {Major: 7, Minor: 2, ReadBytes: 9}},
		Hugetlb: []HugetlbStats{{"2MB", 10, 20, 1, Max, 4}},
		Rdma:    []RdmaStats{{"mlx4_0", 2, 20, Max, 30}},
		Misc:    []MiscStats{{"sev", 5, Max, 2}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n, err := c.OOMKills(); n != 5 || err != nil {
		t.Errorf("OOMKills = %d, %v", n, err)
	}
	e, err := c.Events()
	if err != nil || e.Memory.OOMKill != 5 || e.Pids.Max != 8 || e.Populated {
		t.Errorf("Events = %+v, %v", e, err)
	}
}

func TestStatsWithoutControllers(t *testing.T) {
	c := fake(t, "", "cpu.stat=usage_usec 7\n", "memory.pressure=some avg10=0.00 avg60=0.00 avg300=0.00 total=6\n")
	got, err := c.Stats()
	if want := (Stats{CPU: &CPUStats{Usage: 7}, MemoryPSI: &PSI{Some: PSILine{Total: 6}}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.OOMKills(); !errors.Is(err, ErrNotSupported) {
		t.Errorf("OOMKills: %v, want ErrNotSupported", err)
	}
	if e, err := c.Events(); err != nil || e.Memory != nil || e.Pids != nil {
		t.Errorf("Events = %+v, %v", e, err)
	}
	if _, err := c.Watch("memory.events"); !errors.Is(err, ErrNotSupported) {
		t.Errorf("Watch: %v, want ErrNotSupported", err)
	}
}

func TestStatsOfGarbage(t *testing.T) {
	c := fake(t, allControllers, "cpu.stat=", "memory.current=lots\n")
	if _, err := c.Stats(); err == nil {
		t.Error("no error for a number that is none")
	}
}

func TestStatsInKernel(t *testing.T) {
	c := hostCgroup(t)
	s, err := c.Stats()
	if err != nil || s.CPU == nil {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := c.Delete(c.Created); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stats(); !errors.Is(err, ErrNotExist) {
		t.Errorf("Stats of a removed cgroup: %v, want ErrNotExist", err)
	}
}

func TestWatch(t *testing.T) {
	noLeak(t)
	c := hostCgroup(t)
	w, err := c.Watch("cgroup.events")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if ok, err := w.Wait(20 * time.Millisecond); ok || err != nil {
		t.Errorf("Wait before anything happened: %v, %v", ok, err)
	}
	inCgroup(t, c, "sleep", "60")
	if ok, err := w.Wait(5 * time.Second); !ok || err != nil {
		t.Errorf("Wait for a process: %v, %v", ok, err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if ok, err := w.Wait(5 * time.Second); !ok || err != nil {
		t.Errorf("Wait for its end: %v, %v", ok, err)
	}
	if e, err := c.Events(); err != nil || e.Populated {
		t.Errorf("Events = %+v, %v", e, err)
	}
}

func TestDelegate(t *testing.T) {
	c := hostCgroup(t)
	if err := c.Delegate(1234, 1235); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{".": true, "cgroup.procs": true, "cgroup.subtree_control": true, "cgroup.threads": true,
		"cgroup.freeze": false, "cgroup.max.depth": false} {
		info, err := os.Stat(c.Dir() + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if uid := owner(info); (uid == 1234) != want {
			t.Errorf("%s belongs to %d", file, uid)
		}
	}
}

func FuzzStatFiles(f *testing.F) {
	f.Add([]byte("8:0 rbytes=1 wbytes=2\nsome avg10=0.0 total=1\nlow 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parseIOStat(text)
		parsePSI(text)
		memoryEvents(text)
		flatKey(text, "populated")
		rdmaLine(string(text))
		isPageSize(string(text))
	})
}
