package libcontainer

import (
	"os"
	"slices"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// The test is in its own pid namespace.
func TestSharePidNamespace(t *testing.T) {
	namespace, err := namespaceOf(os.Getpid(), "pid")
	systest.MustDo(t, err)
	pids, err := sharing("pid", namespace)
	if err != nil || !slices.Contains(pids, os.Getpid()) {
		t.Errorf("%v, %v: want %d among them", pids, err, os.Getpid())
	}
	if _, err := namespaceOf(1<<30, "pid"); err == nil {
		t.Error("no such process: no error")
	}
}
