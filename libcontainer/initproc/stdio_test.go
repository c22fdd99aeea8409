package initproc

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReopenNullFails: an error is no answer. What can't be opened for want of
// descriptors may well be there.
func TestReopenNullFails(t *testing.T) {
	if target, err := os.Readlink("/proc/self/fd/0"); err != nil || target != "/dev/null" {
		t.Skipf("standard input is %q", target)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 0, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	err := reopenNull()
	if restored := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("%v, want EMFILE", err)
	}
}
