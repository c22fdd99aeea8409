//go:build mips64le || mipsle

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch {
	if ^uint(0)>>63 == 0 {
		return &archMIPSEL
	}
	return &archMIPSEL64
}

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	switch name {
	case "SCMP_ARCH_MIPSEL64":
		return &archMIPSEL64
	case "SCMP_ARCH_MIPSEL":
		return &archMIPSEL
	case "SCMP_ARCH_MIPSEL64N32":
		return &archMIPSEL64N32
	}
	return nil
}
