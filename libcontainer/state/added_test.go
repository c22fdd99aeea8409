package state

import (
	"os"
	"slices"
	"testing"
)

func TestAddedMounts(t *testing.T) {
	root := t.TempDir()
	d, err := Create(root, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if ids, err := d.AddedMounts(); len(ids) != 0 || err != nil {
		t.Errorf("at first: %v, %v", ids, err)
	}
	want := []uint64{1, 1 << 40, 1<<64 - 1}
	if err := d.SaveAddedMounts(want); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.AddedMounts(); !slices.Equal(ids, want) || err != nil {
		t.Errorf("%v, %v, want %v", ids, err, want)
	}
	if err := os.WriteFile(root+"/c/"+addedName, []byte("1\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.AddedMounts(); err == nil {
		t.Errorf("nonsense is %v", ids)
	}
}
