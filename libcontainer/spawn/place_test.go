package spawn

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestPlace: the forerunner waits until it has been placed, and what it makes
// is a child of ours in the new namespaces.
func TestPlace(t *testing.T) {
	c := config(t)
	if os.Geteuid() == 0 {
		c.New = unix.CLONE_NEWPID
	}
	placed := 0
	c.Place = func(pid int) error {
		placed = pid
		// It has one thread, and has executed nothing.
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		systest.MustDo(t, err)
		if !strings.Contains(string(stat), "\nThreads:\t1\n") {
			t.Errorf("the forerunner is more than that:\n%s", stat)
		}
		exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
		systest.MustDo(t, err)
		if cwd, _ := os.Getwd(); exe != cwd {
			t.Errorf("its directory is %s", exe)
		}
		return nil
	}
	p := start(t, c)
	if placed == 0 || placed == p.Pid {
		t.Errorf("placed %d, made %d", placed, p.Pid)
	}
	if err := unix.Kill(placed, 0); err != unix.ESRCH {
		t.Errorf("the forerunner is still there: %v", err)
	}
	want := strconv.Itoa(p.Pid)
	if c.New != 0 {
		want = "1"
	}
	if got := strings.Fields(ask(t, p, "ids"))[0]; got != want {
		t.Errorf("pid is %s, want %s", got, want)
	}
	if got := ask(t, p, "pdeathsig"); got != "9" {
		t.Errorf("parent death signal is %s", got)
	}
}

func TestPlaceFails(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	c := config(t)
	c.Place = func(int) error { return errors.New("no place") }
	if p, err := Start(c); err == nil || err.Error() != "no place" {
		t.Errorf("%v, %v", p, err)
	}
	noChildren(t)
	unix.Close(c.Exe)
	noneLeft()
}

// TestNotBorn: that the kernel let no process be born in a cgroup is told apart from
// whatever else may have the same errno.
func TestNotBorn(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	var refused *CloneError
	c := config(t)
	c.Cgroup = null
	if _, err := Start(c); !errors.As(err, &refused) || refused.Errno != unix.EBADF {
		t.Errorf("in what is no cgroup: %v", err)
	}
	c = config(t)
	c.New = unix.CLONE_NEWPID
	c.Joins = []Join{{FD: null, Type: unix.CLONE_NEWNET}}
	if _, err := Start(c); err == nil || errors.As(err, &refused) {
		t.Errorf("in what is no namespace: %v", err)
	}
}
