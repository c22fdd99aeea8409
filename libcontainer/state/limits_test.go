package state

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	root := t.TempDir()
	d, err := Create(root, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Limits(); !errors.Is(err, ErrNotExist) {
		t.Errorf("none saved: %v", err)
	}
	for _, text := range []string{`{"pids":{"limit":500000}}`, `{}`} {
		if err := d.SaveLimits([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Limits(); string(got) != text || err != nil {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
	}
	if st, err := os.Stat(root + "/a/limits.json"); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.LockLimits(); !errors.Is(err, ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
}

// One at a time, and besides the container's own lock.
func TestLockLimits(t *testing.T) {
	root := t.TempDir()
	d, err := Create(root, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	unlock, err := d.LockLimits()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(root, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	got := make(chan error)
	go func() {
		unlock, err := other.LockLimits()
		got <- err
		if err == nil {
			got <- unlock()
		}
	}()
	select {
	case err := <-got:
		t.Fatalf("locked twice: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
}
