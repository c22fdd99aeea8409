package main

import "golang.org/x/sys/unix"

const nativeArch = unix.AUDIT_ARCH_X86_64

// skipCall has the kernel do nothing for the system call that a thread is about
// to make, at its entry.
func skipCall(tid int) error {
	return changeRegs(tid, func(r *unix.PtraceRegs) { r.Orig_rax = ^uint64(0) })
}

// setResult changes what a system call returns, at its exit.
func setResult(tid int, value int64) error {
	return changeRegs(tid, func(r *unix.PtraceRegs) { r.Rax = uint64(value) })
}

func changeRegs(tid int, change func(*unix.PtraceRegs)) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	change(&regs)
	return unix.PtraceSetRegs(tid, &regs)
}
