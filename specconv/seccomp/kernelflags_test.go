package seccomp

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestKernelFlags: an old kernel does not know every flag, and one without
// filters none.
func TestKernelFlags(t *testing.T) {
	for _, c := range []struct {
		kernel string
		known  uint32
		want   []string
	}{
		{"6.0", ^uint32(0), SupportedFlags()},
		{"4.17", unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, SupportedFlags()[:3]},
		{"4.14", unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG, []string{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"}},
		{"3.17", unix.SECCOMP_FILTER_FLAG_TSYNC, []string{"SECCOMP_FILTER_FLAG_TSYNC"}},
		{"without seccomp", 0, []string{}},
	} {
		got := flagsKnownTo(func(flags uint32) error {
			if flags&^c.known != 0 {
				return unix.EINVAL
			}
			return unix.EFAULT
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.kernel, got, c.want)
		}
	}
	// This kernel: everything it is said to know can be loaded (TestKernel does).
	if got := KernelFlags(); len(got) == 0 {
		t.Skip("this kernel has no seccomp filters")
	} else if !slices.Contains(got, "SECCOMP_FILTER_FLAG_TSYNC") {
		t.Errorf("%q: TSYNC is as old as seccomp(2)", got)
	}
	for _, name := range SupportedFlags() {
		if flagBits(name) == 0 {
			t.Errorf("%s has no bits", name)
		}
	}
}
