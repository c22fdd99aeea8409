package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const nativeArch = unix.AUDIT_ARCH_AARCH64

const (
	ntPrstatus      = 1
	ntARMSystemCall = 0x404
)

func regset(request, tid, set int, data unsafe.Pointer, size uintptr) error {
	vec := unix.Iovec{Base: (*byte)(data), Len: uint64(size)}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), uintptr(set), uintptr(unsafe.Pointer(&vec)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// skipCall has the kernel do nothing for the system call that a thread is about
// to make, at its entry.
func skipCall(tid int) error {
	nr := int32(-1)
	return regset(unix.PTRACE_SETREGSET, tid, ntARMSystemCall, unsafe.Pointer(&nr), unsafe.Sizeof(nr))
}

// setResult changes what a system call returns, at its exit.
func setResult(tid int, value int64) error {
	var regs unix.PtraceRegsArm64
	if err := regset(unix.PTRACE_GETREGSET, tid, ntPrstatus, unsafe.Pointer(&regs), unsafe.Sizeof(regs)); err != nil {
		return err
	}
	regs.Regs[0] = uint64(value)
	return regset(unix.PTRACE_SETREGSET, tid, ntPrstatus, unsafe.Pointer(&regs), unsafe.Sizeof(regs))
}
