package cgroups

import "testing"

func BenchmarkCreateDelete(b *testing.B) {
	h, err := Find(Root)
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		c, err := h.Create("/cgroups-bench/a")
		if err != nil {
			b.Skip(err)
		}
		if err := c.Delete(c.Created); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
