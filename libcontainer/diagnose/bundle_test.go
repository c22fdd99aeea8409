package diagnose

import "testing"

func TestListsFilesystem(t *testing.T) {
	const list = "nodev\tproc\nnodev\tfuse\n\text4\n"
	for name, want := range map[string]bool{"proc": true, "ext4": true, "fuse": true, "ext": false, "nodev": false, "": false, "nodev\tproc": false} {
		if got := listsFilesystem(list, name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
