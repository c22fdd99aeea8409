package seccomp

import "testing"

func BenchmarkCompile(b *testing.B) {
	cfg := profiles(b)["docker"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(cfg); err != nil {
			b.Fatal(err)
		}
	}
}
