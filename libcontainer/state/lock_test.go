package state

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestHolders(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 11 00:1b:1234 0 EOF
2: FLOCK  ADVISORY  WRITE 12 00:1b:1234 0 EOF
2: -> FLOCK  ADVISORY  WRITE 13 00:1b:1234 0 EOF
3: FLOCK  ADVISORY  WRITE 14 00:1b:11234 0 EOF
4: FLOCK  ADVISORY  WRITE 0 00:1b:1234 0 EOF
5: FLOCK  ADVISORY  READ 15 08:01:1234 0 EOF
6: LEASE  ACTIVE    READ 16 08:01:1234 0 EOF
7: FLOCK
`
	pids, err := holders(strings.NewReader(locks), 1234)
	if err != nil || !slices.Equal(pids, []int{12, 15}) {
		t.Errorf("%v, %v", pids, err)
	}
}

func TestTryLock(t *testing.T) {
	root := t.TempDir()
	first := create(t, root, "x") // Create locks
	second, err := Open(root, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if locked, err := second.TryLock(); locked || err != nil {
		t.Errorf("a locked container: %v, %v", locked, err)
	}
	for _, d := range []struct {
		dir  *Dir
		want bool
	}{{first, false}, {second, true}} {
		if busy, err := d.dir.Busy(); busy != d.want || err != nil {
			t.Errorf("Busy = %v, %v, want %v", busy, err, d.want)
		}
	}
	pids, err := second.Holders()
	if err != nil || !slices.Contains(pids, os.Getpid()) {
		t.Errorf("Holders = %v, %v, want %d", pids, err, os.Getpid())
	}
	if !second.HeldBy(os.Getpid()) || second.HeldBy(os.Getppid()) || second.HeldBy(1<<30) {
		t.Errorf("HeldBy: this %v, parent %v, none %v", second.HeldBy(os.Getpid()), second.HeldBy(os.Getppid()), second.HeldBy(1<<30))
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	if busy, err := second.Busy(); busy || err != nil {
		t.Errorf("nobody's is busy: %v, %v", busy, err)
	}
	if locked, err := second.TryLock(); !locked || err != nil {
		t.Errorf("an unlocked container: %v, %v", locked, err)
	}
	if err := first.Remove(); err != nil {
		t.Fatal(err)
	}
	// Removed by who still holds the lock, and runs poststop hooks.
	if _, err := first.TryLock(); !errors.Is(err, ErrNotExist) {
		t.Errorf("a removed container: %v", err)
	}
}
