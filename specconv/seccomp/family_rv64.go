//go:build riscv64

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch { return &archRISCV64 }

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	if name == "SCMP_ARCH_RISCV64" {
		return &archRISCV64
	}
	return nil
}
