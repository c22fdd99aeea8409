package cgroups

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCreateListsWhatItMadeAndDeleteRemovesIt(t *testing.T) {
	noLeak(t)
	h := hostHierarchy(t)
	base := hostCgroup(t).Path()
	c, err := h.Create(base + "/a//b/./c")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if want := []string{base + "/a", base + "/a/b", base + "/a/b/c"}; !slices.Equal(c.Created, want) {
		t.Errorf("Created = %q, want %q", c.Created, want)
	}
	if c.Path() != base+"/a/b/c" || c.Dir() != h.Path+base+"/a/b/c" {
		t.Errorf("Path %q, Dir %q", c.Path(), c.Dir())
	}
	if err := os.MkdirAll(c.Dir()+"/x/y", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.Dir()+"/z", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(c.Created); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(h.Path + base + "/a"); !os.IsNotExist(err) {
		t.Errorf("a is still there: %v", err)
	}
	if _, err := os.Stat(h.Path + base); err != nil {
		t.Errorf("the parent, not made by Create, is gone: %v", err)
	}
	if err := c.Delete(c.Created); err != nil {
		t.Errorf("second Delete: %v", err)
	}
}

func TestDeleteLeavesWhatOthersUseOrMade(t *testing.T) {
	h := hostHierarchy(t)
	base := hostCgroup(t)
	a, err := h.Create(base.Path() + "/pod/a")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := h.Create(base.Path() + "/pod/b")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if len(b.Created) != 1 {
		t.Errorf("b created %q", b.Created)
	}
	if err := a.Delete(a.Created); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.Dir()); err != nil {
		t.Errorf("b is gone: %v", err)
	}
	if err := b.Delete(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.Dir()); err != nil {
		t.Errorf("Delete removed b, which was not in the list: %v", err)
	}
	if err := b.Delete(b.Created); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(base.Dir() + "/pod"); !os.IsNotExist(err) {
		t.Errorf("pod, made for a and used by b then, should have gone with b: %v", err)
	}
}

func TestCreateRefusesPopulated(t *testing.T) {
	noLeak(t)
	h := hostHierarchy(t)
	c := hostCgroup(t)
	if err := os.Mkdir(c.Dir()+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	sub, err := h.Open(c.Path() + "/sub")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	inCgroup(t, sub, "sleep", "60")
	_, err = h.Create(c.Path())
	var full *NotEmptyError
	if !errors.As(err, &full) || full.Procs != 1 || !errors.Is(err, ErrNotEmpty) {
		t.Fatalf("error %v, want NotEmptyError with 1", err)
	}
	if err := c.Delete(nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("Delete of a busy cgroup: %v, want ErrNotEmpty", err)
	}
}

func TestCreateRefusesFrozen(t *testing.T) {
	h := hostHierarchy(t)
	c := hostCgroup(t)
	if err := c.Freeze(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{c.Path(), c.Path() + "/new/below"} {
		if _, err := h.Create(path); !errors.Is(err, ErrFrozen) {
			t.Errorf("Create(%q): %v, want ErrFrozen", path, err)
		}
	}
	if _, err := os.Stat(c.Dir() + "/new"); !os.IsNotExist(err) {
		t.Errorf("a failed Create left its directory: %v", err)
	}
	if err := c.Thaw(); err != nil {
		t.Fatal(err)
	}
}

func TestFreezeStopsAndThawContinues(t *testing.T) {
	c := hostCgroup(t)
	cmd := inCgroup(t, c, "sh", "-c", "while :; do :; done")
	if err := c.Freeze(); err != nil {
		t.Fatal(err)
	}
	if frozen, err := c.Frozen(); err != nil || !frozen {
		t.Fatalf("Frozen = %v, %v", frozen, err)
	}
	busy := cpuTicks(t, cmd.Process.Pid)
	time.Sleep(60 * time.Millisecond)
	if now := cpuTicks(t, cmd.Process.Pid); now != busy {
		t.Errorf("a frozen process ran: %s, then %s ticks", busy, now)
	}
	if err := c.Thaw(); err != nil {
		t.Fatal(err)
	}
	if frozen, err := c.Frozen(); err != nil || frozen {
		t.Fatalf("Frozen after Thaw = %v, %v", frozen, err)
	}
	within(t, 5*time.Second, "thawed process runs", func() bool { return cpuTicks(t, cmd.Process.Pid) != busy })
}

func cpuTicks(t *testing.T, pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))[13]
}

func TestKillReachesTheWholeTree(t *testing.T) {
	noLeak(t)
	for _, frozen := range []bool{false, true} {
		for name, kill := range map[string]func(*Cgroup) error{"all-at-once": (*Cgroup).Kill, "each": (*Cgroup).killEach} {
			t.Run(name, func(t *testing.T) {
				c := hostCgroup(t)
				inCgroup(t, c, "sh", "-c",
					`mkdir `+c.Dir()+`/x `+c.Dir()+`/x/y; sh -c 'echo $$ > `+c.Dir()+`/x/y/cgroup.procs; echo ok; exec sleep 61' & wait`)
				within(t, 5*time.Second, "two processes", func() bool { p, _ := c.Procs(); return len(p) == 2 && populated(t, c.Dir()+"/x/y") })
				if frozen {
					if err := c.Freeze(); err != nil {
						t.Fatal(err)
					}
				}
				if err := kill(c); err != nil {
					t.Fatal(err)
				}
				if err := c.Delete(c.Created); err != nil {
					t.Fatal(err)
				}
				if err := kill(c); name == "all-at-once" && err != nil {
					t.Errorf("Kill of a removed cgroup: %v", err)
				}
			})
		}
	}
}

func populated(t *testing.T, dir string) bool {
	f, err := os.Open(dir + "/cgroup.events")
	if err != nil {
		return false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if s.Text() == "populated 1" {
			return true
		}
	}
	return false
}

func TestOwnAndAdd(t *testing.T) {
	c := hostCgroup(t)
	cmd := inCgroup(t, c, "sleep", "60")
	if path, err := Own(cmd.Process.Pid); err != nil || path != c.Path() {
		t.Errorf("Own = %q, %v; want %q", path, err, c.Path())
	}
	if err := os.Mkdir(c.Dir()+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	sub, err := c.h.Open(c.Path() + "/sub")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if err := sub.Add(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if path, err := Own(cmd.Process.Pid); err != nil || path != sub.Path() {
		t.Errorf("Own = %q, %v; want %q", path, err, sub.Path())
	}
	if pids, err := c.Procs(); err != nil || !slices.Equal(pids, []int{cmd.Process.Pid}) {
		t.Errorf("Procs = %v, %v", pids, err)
	}
}

// TestOwnDeleted: what the kernel adds to the path of a removed cgroup is believed
// only if there is no cgroup of that name.
func TestOwnDeleted(t *testing.T) {
	c := hostCgroup(t)
	cmd := inCgroup(t, c, "sleep", "60")
	pid := cmd.Process.Pid
	sub, err := c.Sub("x (deleted)")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if err := sub.Add(pid); err != nil {
		t.Fatal(err)
	}
	if path, err := Own(pid); err != nil || path != sub.Path() {
		t.Errorf("Own = %q, %v; want %q", path, err, sub.Path())
	}
	for _, group := range []*Cgroup{c, sub} {
		if has, err := group.Has(pid); err != nil || !has {
			t.Errorf("%q has it: %t, %v", group.Path(), has, err)
		}
	}
	// A process that has ended, in a cgroup that is gone.
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for populated := true; populated; {
		if populated, err = sub.Populated(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(sub.Dir()); err != nil {
		t.Fatal(err)
	}
	if path, err := Own(pid); !errors.Is(err, ErrNotExist) {
		t.Errorf("Own = %q, %v; want %v", path, err, ErrNotExist)
	}
}

func TestDeleteVeryDeepTree(t *testing.T) {
	noLeak(t)
	c := hostCgroup(t)
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	dir := c.Dir()
	const depth = 300
	for range depth {
		dir += "/d"
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	small := syscall.Rlimit{Cur: uint64(descriptors(t) + 20), Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &small); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err := c.Delete(c.Created); err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentCreateAndDeleteShareParent(t *testing.T) {
	h := hostHierarchy(t)
	base := hostCgroup(t).Path()
	errs := make(chan error, 4)
	for i := range 4 {
		go func() {
			for range 50 {
				c, err := h.Create(base + "/parent/" + itoa(i))
				if err == nil {
					err = c.Delete(c.Created)
					c.Close()
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	os.Remove(h.Path + base + "/parent")
}
