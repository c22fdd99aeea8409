package cgroups

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// hostCgroup makes a cgroup in the host's v2 hierarchy and removes it, and what
// the test left in it, at the end. It skips where that is not possible.
func hostCgroup(t *testing.T) *Cgroup {
	t.Helper()
	h := hostHierarchy(t)
	c, err := h.Create("/cgroups-test-" + strconv.Itoa(os.Getpid()) + "/" + t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		if err := c.Delete(c.Created); err != nil {
			t.Error(err)
		}
		c.Close()
	})
	return c
}

func hostHierarchy(t *testing.T) Hierarchy {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	h, err := Find(Root)
	if err != nil {
		t.Skipf("needs cgroup v2: %v", err)
	}
	dir := h.Path + "/cgroups-test-probe-" + strconv.Itoa(os.Getpid())
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("needs a writable cgroup v2: %v", err)
	}
	os.Remove(dir)
	return h
}

// inCgroup starts a command inside the cgroup, by CLONE_INTO_CGROUP, and reaps
// it at the end of the test.
func inCgroup(t *testing.T, c *Cgroup, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: c.FD(), Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// descriptors counts the open descriptors of the test.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// noLeak fails the test if it ends with more descriptors than it began with.
func noLeak(t *testing.T) {
	t.Helper()
	if r, w, err := os.Pipe(); err == nil { // Go's poller keeps two of its own
		r.Close()
		w.Close()
	}
	before := descriptors(t)
	t.Cleanup(func() {
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors leaked", after-before)
		}
	})
}

// within waits for a condition that the kernel brings about a little later.
func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, d)
		}
	}
}

func owner(info os.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }
