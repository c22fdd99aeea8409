package state

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestNotify: the socket is there for everybody, whatever the umask, and one
// left by a start that was killed makes way.
func TestNotify(t *testing.T) {
	root := t.TempDir()
	d, err := Create(root, "c")
	systest.MustDo(t, err)
	defer d.Close()
	if _, err := d.ListenNotify(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
	mask := unix.Umask(0o077)
	defer unix.Umask(mask)
	systest.MustDo(t, d.MakeNotify())
	noneLeft := systest.Descriptors(t)
	for range 2 {
		sock, err := d.ListenNotify()
		systest.MustDo(t, err)
		for path, want := range map[string]fs.FileMode{"notify": 0o755 | fs.ModeDir, "notify/notify.sock": 0o777 | fs.ModeSocket} {
			if st, err := os.Lstat(root + "/c/" + path); err != nil || st.Mode() != want {
				t.Errorf("%s: %v, %v", path, st.Mode(), err)
			}
		}
		unix.Close(sock)
	}
	noneLeft()
	if mask := unix.Umask(0o077); mask != 0o077 {
		t.Errorf("the umask is %o now", mask)
	}
	systest.MustDo(t, d.Remove())
	if _, err := os.Lstat(root + "/c"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}
