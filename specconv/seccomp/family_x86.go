//go:build amd64 || 386

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch {
	if ^uint(0)>>63 == 0 {
		return &archX86
	}
	return &archX86_64
}

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	switch name {
	case "SCMP_ARCH_X86_64":
		return &archX86_64
	case "SCMP_ARCH_X86":
		return &archX86
	case "SCMP_ARCH_X32":
		return &archX32
	}
	return nil
}
