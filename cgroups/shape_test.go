package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The kernel says EAGAIN, and nothing else.
func TestCreateBeyondALimit(t *testing.T) {
	noLeak(t)
	h, base := hostHierarchy(t), hostCgroup(t)
	for _, c := range []struct{ file, value, below, want string }{
		{"cgroup.max.descendants", "1", "/one", ""},
		{"cgroup.max.descendants", "1", "/one/two", `cgroup.max.descendants of "BASE" allows 1 cgroups below it, and there are as many`},
		{"cgroup.max.depth", "1", "/one/two", `cgroup.max.depth of "BASE" allows 1 levels below it`},
		{"cgroup.max.depth", "0", "/one", `cgroup.max.depth of "BASE" allows 0 levels below it`},
	} {
		if err := os.WriteFile(base.Dir()+"/"+c.file, []byte(c.value), 0); err != nil {
			t.Fatal(err)
		}
		group, err := h.Create(base.Path() + c.below)
		if err := os.WriteFile(base.Dir()+"/"+c.file, []byte("max"), 0); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			err = group.Delete(group.Created)
			group.Close()
		}
		switch want := strings.ReplaceAll(c.want, "BASE", base.Path()); {
		case want == "" && err != nil:
			t.Errorf("%s=%s: %v", c.file, c.value, err)
		case want != "" && (err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, unix.EAGAIN)):
			t.Errorf("%s=%s:\n got %v\nwant %s", c.file, c.value, err, want)
		}
	}
}

// TestThreaded: below a threaded cgroup others hold nothing until they are, too, and
// have their processes by threads.
func TestThreaded(t *testing.T) {
	noLeak(t)
	h, base := hostHierarchy(t), hostCgroup(t)
	top, err := h.Create(base.Path() + "/top")
	if err != nil {
		t.Fatal(err)
	}
	defer top.Delete(top.Created)
	defer top.Close()
	// Not by Create, which would have it enable controllers, of which some can't
	// be had in a threaded subtree.
	if err := os.Mkdir(top.Dir()+"/threads", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(top.Dir()+"/threads/cgroup.type", []byte("threaded"), 0); err != nil {
		t.Fatal(err)
	}
	if threaded, err := top.MakeThreaded(); threaded || err != nil {
		t.Error(threaded, err)
	}
	group, err := h.Create(top.Path() + "/threads/one/two")
	if err != nil {
		t.Fatal(err)
	}
	defer group.Delete(group.Created)
	defer group.Close()
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid := cmd.Process.Pid
	if err := group.Add(pid); err != nil {
		t.Fatal(err)
	}
	if pids, err := group.Procs(); err != nil || len(pids) != 1 || pids[0] != pid {
		t.Error(pids, err)
	}
	if err := group.Alone(pid); err != nil {
		t.Error(err)
	}
	if err := group.Alone(1); !errors.Is(err, ErrNotEmpty) {
		t.Error(err)
	}
	if again, err := h.Create(group.Path()); !errors.Is(err, ErrNotEmpty) {
		t.Error(again, err)
	}
	// One that this kernel has here.
	limit, resources := int64(64<<20), specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 2 << 20}}}
	if text, err := os.ReadFile(h.Path + "/cgroup.controllers"); err == nil && strings.Contains(string(text), "memory") {
		resources = specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}
	}
	if err := group.Set(&resources); !errors.Is(err, ErrNotSupported) ||
		!strings.Contains(err.Error(), "part of a threaded subtree") {
		t.Error(err)
	}
	if err := group.Freeze(); err != nil {
		t.Error(err)
	}
	if err := group.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != unix.SIGKILL {
		t.Error(status)
	}
}
