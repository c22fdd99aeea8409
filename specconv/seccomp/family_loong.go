//go:build loong64

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch { return &archLOONGARCH64 }

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	if name == "SCMP_ARCH_LOONGARCH64" {
		return &archLOONGARCH64
	}
	return nil
}
