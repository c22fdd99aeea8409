package libcontainer

import (
	"os"
	"slices"
	"testing"
)

// The test is in its own pid namespace.
func TestSharePidNamespace(t *testing.T) {
	pids, err := sharePidNamespace(os.Getpid())
	if err != nil || !slices.Contains(pids, os.Getpid()) {
		t.Errorf("%v, %v: want %d among them", pids, err, os.Getpid())
	}
	if _, err := sharePidNamespace(1 << 30); err == nil {
		t.Error("no such process: no error")
	}
}
