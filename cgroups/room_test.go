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
