//go:build ppc64

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch { return &archPPC64 }

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	switch name {
	case "SCMP_ARCH_PPC64":
		return &archPPC64
	case "SCMP_ARCH_PPC":
		return &archPPC
	}
	return nil
}
