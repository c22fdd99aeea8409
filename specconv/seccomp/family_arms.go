//go:build arm64 || arm

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch {
	if ^uint(0)>>63 == 0 {
		return &archARM
	}
	return &archAARCH64
}

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	switch name {
	case "SCMP_ARCH_AARCH64":
		return &archAARCH64
	case "SCMP_ARCH_ARM":
		return &archARM
	}
	return nil
}
