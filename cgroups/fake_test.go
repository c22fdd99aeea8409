package cgroups

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake makes a directory tree that looks like a cgroup with the given files
// ("NAME=CONTENT") and opens it. The files are plain: what is written stays.
func fake(t *testing.T, controllers string, files ...string) *Cgroup {
	t.Helper()
	root := t.TempDir()
	dir := root + "/c"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, root, "cgroup.controllers="+controllers, "cgroup.subtree_control="+controllers)
	put(t, dir, "cgroup.controllers="+controllers, "cgroup.subtree_control=", "cgroup.events=populated 0\nfrozen 0\n", "cgroup.procs=")
	put(t, dir, files...)
	c, err := Hierarchy{Path: root}.Open("c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func put(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// content reads files back as "NAME=CONTENT" with a space for a newline, those
// that are not empty.
func content(t *testing.T, c *Cgroup, files ...string) string {
	t.Helper()
	var list []string
	for _, f := range files {
		name, _, _ := strings.Cut(f, "=")
		b, err := os.ReadFile(c.Dir() + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 0 {
			list = append(list, name+"="+strings.ReplaceAll(string(b), "\n", " "))
		}
	}
	return strings.Join(list, "; ")
}

func ptr[T any](v T) *T { return &v }
