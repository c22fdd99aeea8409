package sys

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestRefusalWords: they are the errno's own.
func TestRefusalWords(t *testing.T) {
	known := 0
	for errno := unix.Errno(1); errno < 200; errno++ {
		switch words := RefusalWords(errno); words {
		case anyRefusal:
		case errno.Error():
			known++
		default:
			t.Errorf("%q, want %q", words, errno)
		}
	}
	if known < 19 {
		t.Errorf("%d errnos are known", known)
	}
}
