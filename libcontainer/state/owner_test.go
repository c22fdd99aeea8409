package state

import (
	"errors"
	"os"
	"testing"
)

// TestOwner: what others decide on is refused, as root's directory and as a
// container's.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give directories away")
	}
	for _, c := range []struct {
		name      string
		uid, gid  int
		mode      os.FileMode
		root, dir bool // accepted as that
		text      string
	}{
		{"ours", 0, 0, 0o711, true, true, ""},
		{"root's group", 0, 0, 0o775, true, true, ""},
		{"another's", 1234, 0, 0o711, false, false, "belongs to user 1234, expected root"},
		{"another group", 0, 1234, 0o775, false, false, "has mode 0775: others than its owner may write to it"},
		{"another group reads", 0, 1234, 0o755, true, true, ""},
		{"everybody", 0, 0, 0o777, false, false, "has mode 0777: others than its owner may write to it"},
		{"sticky", 0, 0, 0o777 | os.ModeSticky, true, false, "has mode 01777: others than its owner may write to it"},
		{"another's sticky one", 1234, 0, 0o777 | os.ModeSticky, false, false, "belongs to user 1234, expected root"},
	} {
		root := t.TempDir() + "/root"
		d, err := Create(root, "x")
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
		for path, accepted := range map[string]bool{root: c.root, root + "/x": c.dir} {
			if err := errors.Join(os.Chown(path, c.uid, c.gid), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			d, err := Open(root, "x")
			var refused *OwnerError
			want := `state directory "` + path + `" ` + c.text
			if accepted != (err == nil) || !accepted && (!errors.As(err, &refused) || err.Error() != want) {
				t.Errorf("%s, %s: got %v, want %s", c.name, path, err, want)
			}
			if err == nil {
				d.Close()
			}
			if path == root {
				if _, err := List(root); accepted != (err == nil) {
					t.Errorf("%s: List: %v", c.name, err)
				}
				if d, err := Create(root, "y"); accepted != (err == nil) {
					t.Errorf("%s: Create: %v", c.name, err)
				} else if err == nil {
					d.Close()
				}
			}
			if err := errors.Join(os.Chown(path, 0, 0), os.Chmod(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
