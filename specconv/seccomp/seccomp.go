package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Program is a filter, ready for seccomp(2)'s SECCOMP_SET_MODE_FILTER.
type Program struct {
	// Filter is the program, at most 4096 instructions (BPF_MAXINSNS).
	Filter []unix.SockFilter

	// Flags are the SECCOMP_FILTER_FLAG_* bits to load it with. A profile
	// without flags gets SPEC_ALLOW, as runc does it; one with an empty list
	// gets none. TSYNC is accepted and left out: the filter is loaded by the
	// only thread that survives execve. NEW_LISTENER is set together with
	// Notify; WAIT_KILLABLE_RECV is left out without it, because the kernel
	// refuses it then.
	Flags uint32

	// Notify means that some rule answers SCMP_ACT_NOTIFY: loading returns a
	// listener, which belongs to the agent at listenerPath.
	Notify bool

	// Skipped are the names that no architecture of the profile knows, in the
	// profile's order. They are not an error: profiles name syscalls that are newer
	// than the kernel, or belong to another architecture.
	Skipped []string
}

// Compile turns linux.seccomp into a filter for the architecture that this
// program is built for. Without a default action and syscalls there is nothing
// to filter, and it returns nil; so it does for nil.
//
// A mistake in the profile is a *plan.FieldError that names the field.
//
// The rules:
//   - The native architecture is always filtered, whether listed or not. A
//     syscall made through any other that isn't listed kills the thread; that
//     goes for x32 on x86_64 too.
//   - An entry whose action is the default action does nothing.
//   - An entry without conditions covers those with conditions on the same
//     syscall; of several, the first counts.
//   - Of entries with conditions that hold at the same time, one on a higher
//     argument comes first, then EQ, NE and MASKED_EQ before LE and LT before
//     GE and GT, then the narrower limit or the greater value. Two with the
//     same conditions and different actions are a mistake.
//   - Conditions of an entry must all hold, unless two are on the same
//     argument: then one is enough, as in runc.
//   - Where the socket and System V calls are also made through socketcall(2)
//     and ipc(2), rules on them apply there too, but for their conditions on
//     the first argument, which is the call's number there.
//
// A syscall whose number is above all those that the profile names (in any
// entry) is newer than the profile: it answers ENOSYS, so that a libc falls
// back to older syscalls instead of taking the default action's error for the
// answer. This is runc's rule; it does not apply if the default action is
// ALLOW, LOG or TRACE, or to an architecture of which the profile names no
// syscall. It goes further than runc's in two points: it applies to the
// native architecture when that isn't listed, and ARM's private syscalls, with
// numbers above 0xf0000, are neither newer than anything nor make it older.
func Compile(cfg *specs.LinuxSeccomp) (*Program, error) {
	if Empty(cfg) {
		return nil, nil
	}
	p, err := check(cfg, native(), family)
	if err != nil {
		return nil, err
	}
	return build(p)
}

// MaxInsns is the kernel's limit on a filter's length (BPF_MAXINSNS in
// linux/bpf_common.h).
const MaxInsns = 4096

// maxRules bounds the rules of all architectures' system calls together. Not all
// need end up in the filter: an unconditional one may take the place of some.
const maxRules = 2 * MaxInsns

// SupportedActions lists the values of defaultAction and syscalls[].action
// that [Compile] takes, sorted.
func SupportedActions() []string {
	return []string{
		"SCMP_ACT_ALLOW",
		"SCMP_ACT_ERRNO",
		"SCMP_ACT_KILL",
		"SCMP_ACT_KILL_PROCESS",
		"SCMP_ACT_KILL_THREAD",
		"SCMP_ACT_LOG",
		"SCMP_ACT_NOTIFY",
		"SCMP_ACT_TRACE",
		"SCMP_ACT_TRAP",
	}
}

// SupportedOperators lists the values of syscalls[].args[].op, sorted.
func SupportedOperators() []string {
	return []string{
		"SCMP_CMP_EQ",
		"SCMP_CMP_GE",
		"SCMP_CMP_GT",
		"SCMP_CMP_LE",
		"SCMP_CMP_LT",
		"SCMP_CMP_MASKED_EQ",
		"SCMP_CMP_NE",
	}
}

// SupportedArchs lists the values of architectures, sorted. All are accepted
// everywhere; one that this kernel can't run has no effect.
func SupportedArchs() []string {
	return []string{
		"SCMP_ARCH_AARCH64",
		"SCMP_ARCH_ARM",
		"SCMP_ARCH_LOONGARCH64",
		"SCMP_ARCH_MIPS",
		"SCMP_ARCH_MIPS64",
		"SCMP_ARCH_MIPS64N32",
		"SCMP_ARCH_MIPSEL",
		"SCMP_ARCH_MIPSEL64",
		"SCMP_ARCH_MIPSEL64N32",
		"SCMP_ARCH_PPC",
		"SCMP_ARCH_PPC64",
		"SCMP_ARCH_PPC64LE",
		"SCMP_ARCH_RISCV64",
		"SCMP_ARCH_S390",
		"SCMP_ARCH_S390X",
		"SCMP_ARCH_X32",
		"SCMP_ARCH_X86",
		"SCMP_ARCH_X86_64",
	}
}

// SupportedFlags lists the values of flags, sorted.
func SupportedFlags() []string {
	return []string{
		"SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
		"SECCOMP_FILTER_FLAG_TSYNC",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	}
}
