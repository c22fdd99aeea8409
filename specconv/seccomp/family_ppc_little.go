//go:build ppc64le

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch { return &archPPC64LE }

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	if name == "SCMP_ARCH_PPC64LE" {
		return &archPPC64LE
	}
	return nil
}
