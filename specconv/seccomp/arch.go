package seccomp

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// arch describes one architecture (ABI) that a profile can name. Only those
// that this program's kernel can run are referred to, in family_*.go, so only
// theirs are linked in.
type arch struct {
	name   string // as in config.json
	audit  uint32 // seccomp_data.arch: AUDIT_ARCH_*
	base   uint32 // syscall number of slot 0
	slots  *sysnr.Slots
	narrow bool // arguments are 32 bits wide: only the low word is compared
	big    bool // big-endian: an argument's high word comes first

	// Slots of socketcall(2) and ipc(2) where the older socket and System V
	// calls are made through them; 0 where they don't exist.
	socketcall, ipc int16
}

// x32Bit marks an x32 syscall, which has the same audit number as x86_64.
const x32Bit = 0x40000000

var (
	archX86    = arch{name: "SCMP_ARCH_X86", audit: unix.AUDIT_ARCH_I386, slots: &sysnr.X86, narrow: true, socketcall: 102, ipc: 117}
	archX86_64 = arch{name: "SCMP_ARCH_X86_64", audit: unix.AUDIT_ARCH_X86_64, slots: &sysnr.X86_64}
	archX32    = arch{name: "SCMP_ARCH_X32", audit: unix.AUDIT_ARCH_X86_64, base: x32Bit, slots: &sysnr.X32, narrow: true}

	archARM     = arch{name: "SCMP_ARCH_ARM", audit: unix.AUDIT_ARCH_ARM, slots: &sysnr.ARM, narrow: true}
	archAARCH64 = arch{name: "SCMP_ARCH_AARCH64", audit: unix.AUDIT_ARCH_AARCH64, slots: &sysnr.AARCH64}

	archMIPS        = arch{name: "SCMP_ARCH_MIPS", audit: unix.AUDIT_ARCH_MIPS, base: 4000, slots: &sysnr.MIPS, narrow: true, big: true, socketcall: 102, ipc: 117}
	archMIPS64      = arch{name: "SCMP_ARCH_MIPS64", audit: unix.AUDIT_ARCH_MIPS64, base: 5000, slots: &sysnr.MIPS64, big: true}
	archMIPS64N32   = arch{name: "SCMP_ARCH_MIPS64N32", audit: unix.AUDIT_ARCH_MIPS64N32, base: 6000, slots: &sysnr.MIPS64N32, narrow: true, big: true}
	archMIPSEL      = arch{name: "SCMP_ARCH_MIPSEL", audit: unix.AUDIT_ARCH_MIPSEL, base: 4000, slots: &sysnr.MIPS, narrow: true, socketcall: 102, ipc: 117}
	archMIPSEL64    = arch{name: "SCMP_ARCH_MIPSEL64", audit: unix.AUDIT_ARCH_MIPSEL64, base: 5000, slots: &sysnr.MIPS64}
	archMIPSEL64N32 = arch{name: "SCMP_ARCH_MIPSEL64N32", audit: unix.AUDIT_ARCH_MIPSEL64N32, base: 6000, slots: &sysnr.MIPS64N32, narrow: true}

	archPPC     = arch{name: "SCMP_ARCH_PPC", audit: unix.AUDIT_ARCH_PPC, slots: &sysnr.PPC, narrow: true, big: true, socketcall: 102, ipc: 117}
	archPPC64   = arch{name: "SCMP_ARCH_PPC64", audit: unix.AUDIT_ARCH_PPC64, slots: &sysnr.PPC64, big: true, socketcall: 102, ipc: 117}
	archPPC64LE = arch{name: "SCMP_ARCH_PPC64LE", audit: unix.AUDIT_ARCH_PPC64LE, slots: &sysnr.PPC64, socketcall: 102, ipc: 117}

	archS390  = arch{name: "SCMP_ARCH_S390", audit: unix.AUDIT_ARCH_S390, slots: &sysnr.S390, narrow: true, big: true, socketcall: 102, ipc: 117}
	archS390X = arch{name: "SCMP_ARCH_S390X", audit: unix.AUDIT_ARCH_S390X, slots: &sysnr.S390X, big: true, socketcall: 102, ipc: 117}

	archRISCV64     = arch{name: "SCMP_ARCH_RISCV64", audit: unix.AUDIT_ARCH_RISCV64, slots: &sysnr.RISCV64}
	archLOONGARCH64 = arch{name: "SCMP_ARCH_LOONGARCH64", audit: unix.AUDIT_ARCH_LOONGARCH64, slots: &sysnr.LOONGARCH64}
)

// number is the syscall number of a slot.
func (a *arch) number(slot int) uint32 {
	if slot >= sysnr.Private {
		return sysnr.PrivateBase + uint32(slot-sysnr.Private)
	}
	return a.base + uint32(slot)
}

// setupENOSYS reports whether syscall number 0 must answer ENOSYS wherever
// newer syscalls do. On s390 numbers above 255 are passed in a register, and
// a call whose number the kernel doesn't know arrives as number 0, setup(2),
// which itself has been gone since Linux 2.6.
func (a *arch) setupENOSYS() bool {
	return a.audit == unix.AUDIT_ARCH_S390 || a.audit == unix.AUDIT_ARCH_S390X
}
