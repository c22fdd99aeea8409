package cgroups

import (
	"os"
	"testing"
)

// TestPidsRoom: the tightest of all levels counts, the cgroup's own among them.
func TestPidsRoom(t *testing.T) {
	for _, test := range []struct {
		above, own []string
		want       uint64
	}{
		{nil, nil, Max},
		{nil, []string{"pids.current=3\n", "pids.max=max\n"}, Max},
		{nil, []string{"pids.current=3\n", "pids.max=10\n"}, 7},
		{nil, []string{"pids.current=12\n", "pids.max=10\n"}, 0},
		{[]string{"pids.current=8\n", "pids.max=10\n"}, []string{"pids.current=3\n", "pids.max=10\n"}, 2},
		{[]string{"pids.current=8\n", "pids.max=10\n"}, []string{"pids.current=3\n", "pids.max=max\n"}, 2},
		{[]string{"pids.current=8\n", "pids.max=max\n"}, []string{"pids.current=3\n", "pids.max=4\n"}, 1},
	} {
		top := fake(t, "pids", test.above...)
		if err := os.Mkdir(top.Dir()+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, top.Dir()+"/sub", test.own...)
		c, err := top.Below("sub")
		if err != nil {
			t.Fatal(err)
		}
		if room, err := c.PidsRoom(); err != nil || room != test.want {
			t.Errorf("above %q, own %q: room for %d, %v, want %d", test.above, test.own, room, err, test.want)
		}
		c.Close()
	}
}

// TestMemoryRoom: of every level what is not used, and the cache that can go
// where that is not enough.
func TestMemoryRoom(t *testing.T) {
	unlimited := []string{"memory.max=max\n", "memory.high=max\n"}
	for _, test := range []struct {
		above, own []string
		want       uint64
	}{
		{nil, nil, Max},
		{nil, unlimited, Max},
		{nil, []string{"memory.max=9000\n", "memory.high=max\n", "memory.current=2000\n", "memory.stat=inactive_file 500\n"}, 7000},
		{nil, []string{"memory.max=9000\n", "memory.high=8000\n", "memory.current=2000\n"}, 6000},
		{nil, []string{"memory.max=9000\n", "memory.high=max\n", "memory.current=8500\n", "memory.stat=file 900\ninactive_file 700\n"}, 1200},
		{nil, []string{"memory.max=9000\n", "memory.high=max\n", "memory.current=9500\n", "memory.stat=inactive_file 100\n"}, 0},
		{nil, []string{"memory.max=max\n", "memory.high=9000\n", "memory.current=9500\n"}, 0},
		{[]string{"memory.max=9000\n", "memory.high=max\n", "memory.current=8100\n"}, unlimited, 900},
	} {
		top := fake(t, "memory", test.above...)
		if err := os.Mkdir(top.Dir()+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, top.Dir()+"/sub", test.own...)
		c, err := top.Below("sub")
		if err != nil {
			t.Fatal(err)
		}
		if room, err := c.MemoryRoom(1000); err != nil || room != test.want {
			t.Errorf("above %q, own %q: room for %d, %v, want %d", test.above, test.own, room, err, test.want)
		}
		c.Close()
	}
}

// TestMayEnter: both the cgroup and what is above it and ours have to let us.
func TestMayEnter(t *testing.T) {
	if own, err := Own(0); err != nil || own == "/c" {
		t.Skip("no cgroup of our own to move from", err)
	}
	c := fake(t, "")
	if c.MayEnter() {
		t.Error("through a cgroup that takes none")
	}
	put(t, c.h.Path, "cgroup.procs=")
	if !c.MayEnter() {
		t.Error("refused")
	}
	if err := os.Remove(c.Dir() + "/cgroup.procs"); err != nil {
		t.Fatal(err)
	}
	if c.MayEnter() {
		t.Error("into a cgroup that takes none")
	}
}
