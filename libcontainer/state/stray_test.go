package state

import (
	"os"
	"path/filepath"
	"testing"
)

// TestStray: what another program may have made is not taken for what a killed runtime has left.
func TestStray(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  os.FileMode
		files []string
		want  bool
	}{
		{"made", 0o711, nil, true},
		{"made below a umask", 0o700, nil, true},
		{"restore's", 0o711, []string{keptName, ".crun-go-0123456789abcdef"}, true},
		{"everybody's to read", 0o755, nil, false},
		{"crun's", 0o700, []string{"status", "config.json"}, false},
		{"with a directory", 0o711, []string{"sub/file"}, false},
	} {
		root := t.TempDir()
		for _, file := range c.files {
			os.MkdirAll(filepath.Dir(root+"/c/"+file), 0o700)
			if err := os.WriteFile(root+"/c/"+file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		os.MkdirAll(root+"/c", 0o700)
		if err := os.Chmod(root+"/c", c.mode); err != nil {
			t.Fatal(err)
		}
		d, err := Open(root, "c")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Stray(); got != c.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
		d.Close()
	}
}
