//go:build mips64 || mips

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch {
	if ^uint(0)>>63 == 0 {
		return &archMIPS
	}
	return &archMIPS64
}

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	switch name {
	case "SCMP_ARCH_MIPS64":
		return &archMIPS64
	case "SCMP_ARCH_MIPS":
		return &archMIPS
	case "SCMP_ARCH_MIPS64N32":
		return &archMIPS64N32
	}
	return nil
}
