//go:build s390x

package seccomp

// native is the architecture whose syscalls are always filtered.
func native() *arch { return &archS390X }

// family finds an architecture that this kernel may run.
func family(name string) *arch {
	switch name {
	case "SCMP_ARCH_S390X":
		return &archS390X
	case "SCMP_ARCH_S390":
		return &archS390
	}
	return nil
}
