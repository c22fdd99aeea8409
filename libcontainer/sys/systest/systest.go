// Package systest is what the tests of several packages need.
package systest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// MustDo ends the test if a step that it needs failed.
func MustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Bare has the test run in a process of its own, which behaves as if it had no runtime
// of Go's, and reports whether this is it. If not, the test is over.
func Bare(t *testing.T) bool {
	t.Helper()
	const child = "SYSTEST_BARE"
	if os.Getenv(child) != "" {
		raw.NoRuntime()
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// Descriptors notes what this process has open. The function that it returns
// fails the test if there is something more.
//
// Numbers are not enough for that: a file that an earlier test left to the
// garbage collector may be closed at any time, and its number used again.
func Descriptors(t testing.TB) (check func()) {
	t.Helper()
	before := open(t)
	return func() {
		t.Helper()
		after := open(t)
		maps.DeleteFunc(after, func(fd int, what string) bool { return before[fd] == what })
		for fd, what := range after {
			t.Errorf("descriptor %d is left open: %s", fd, what)
		}
	}
}

// open returns what each descriptor of this process refers to.
func open(t testing.TB) map[int]string {
	t.Helper()
	// A pipe makes Go open its poller, which stays open and is not a leak.
	r, w, err := os.Pipe()
	MustDo(t, err)
	r.Close()
	w.Close()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	MustDo(t, err)
	found := map[int]string{}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		MustDo(t, err)
		// The directory itself is closed again.
		if what, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil {
			found[fd] = what
		}
	}
	return found
}
