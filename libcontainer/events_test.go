package libcontainer

import (
	"os"
	"slices"
	"testing"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// What has been counted before, and what counts no harm, is no event.
func TestCompare(t *testing.T) {
	root := t.TempDir()
	systest.MustDo(t, os.Mkdir(root+"/c", 0o755))
	put := func(name, text string) { systest.MustDo(t, os.WriteFile(root+"/c/"+name, []byte(text), 0o600)) }
	put("cgroup.events", "populated 1\nfrozen 0\n")
	put("memory.events", "low 0\nhigh 0\nmax 4\noom 2\noom_kill 2\n")
	put("pids.events", "max 7\n")
	group, err := cgroups.Hierarchy{Path: root}.Open("c")
	systest.MustDo(t, err)
	defer group.Close()
	var told []EventType
	w := &watcher{meter: &meter{group: group, init: -1}, tell: func(e *Event) error {
		told = append(told, e.Type)
		return nil
	}}
	systest.MustDo(t, w.watchCounters(func(text string) { t.Error(text) }))
	defer func() { w.group = nil; w.close() }()
	for _, c := range []struct {
		file, text string
		want       []EventType
	}{
		{"cgroup.events", "populated 1\nfrozen 1\n", nil},
		{"memory.events", "low 1\nhigh 9\nmax 9\noom 2\noom_kill 2\n", nil},
		{"memory.events", "low 1\nhigh 9\nmax 9\noom 3\noom_kill 2\n", []EventType{EventOOM, EventMemory}},
		{"memory.events", "low 1\nhigh 9\nmax 9\noom 3\noom_kill 3\n", []EventType{EventOOM, EventMemory}},
		{"pids.events", "max 8\n", []EventType{EventPids}},
		{"pids.events", "max 8\n", nil},
	} {
		told = nil
		put(c.file, c.text)
		systest.MustDo(t, w.compare())
		if !slices.Equal(told, c.want) {
			t.Errorf("%s %q: told %v, want %v", c.file, c.text, told, c.want)
		}
	}
	systest.MustDo(t, os.RemoveAll(root+"/c"))
	told = nil
	if err := w.end(); err != nil || !slices.Equal(told, []EventType{EventExit}) {
		t.Errorf("end after the cgroup has gone: %v, %v", told, err)
	}
}
