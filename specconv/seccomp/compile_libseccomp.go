//go:build libseccomp

package seccomp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/seccomp/internal/sysnr"
)

// build makes the filter: with libseccomp, for exactly the architectures of
// the profile, and ENOSYS for newer syscalls put before it.
//
// Deliberate differences between the two compilers, which the oracle test
// leaves out: where libseccomp doesn't know a name yet, the name is skipped;
// an architecture of the other endianness is never added, as the kernel can't
// run it; and see oracle_test.go for libseccomp's mistakes.
func build(p *profile) (*Program, error) {
	filter, err := libseccomp.NewFilter(scmpAction(p.action))
	if err != nil {
		return nil, field("linux.seccomp.defaultAction", err)
	}
	defer filter.Release()
	archs, err := addArchs(filter, p.archs)
	if err != nil {
		return nil, err
	}
	skipped, err := addRules(filter, p)
	if err != nil {
		return nil, err
	}
	insns, err := export(filter)
	if err != nil {
		return nil, err
	}
	if p.enosys {
		insns = prepend(insns, p.archs, func(i int) int { return newest(p, p.archs[i], archs[i]) })
	}
	if len(insns) > MaxInsns {
		return nil, field("linux.seccomp", fmt.Errorf("the filter has %d instructions, the kernel takes at most %d", len(insns), MaxInsns))
	}
	return &Program{Filter: insns, Flags: p.flags, Notify: p.notify, Skipped: skipped}, nil
}

func scmpAction(ret uint32) libseccomp.ScmpAction {
	data := int16(ret & unix.SECCOMP_RET_DATA)
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		return libseccomp.ActAllow
	case unix.SECCOMP_RET_ERRNO:
		return libseccomp.ActErrno.SetReturnCode(data)
	case unix.SECCOMP_RET_KILL_PROCESS:
		return libseccomp.ActKillProcess
	case unix.SECCOMP_RET_TRAP:
		return libseccomp.ActTrap
	case unix.SECCOMP_RET_TRACE:
		return libseccomp.ActTrace.SetReturnCode(data)
	case unix.SECCOMP_RET_LOG:
		return libseccomp.ActLog
	case unix.SECCOMP_RET_USER_NOTIF:
		return libseccomp.ActNotify
	}
	return libseccomp.ActKillThread
}

func addArchs(filter *libseccomp.ScmpFilter, archs []*arch) ([]libseccomp.ScmpArch, error) {
	native, err := libseccomp.GetNativeArch()
	if err != nil {
		return nil, fmt.Errorf("find libseccomp's architecture: %w", err)
	}
	scmp := make([]libseccomp.ScmpArch, len(archs))
	for i, a := range archs {
		if scmp[i], err = libseccomp.GetArchFromString(strings.TrimPrefix(a.name, "SCMP_ARCH_")); err != nil {
			return nil, field("linux.seccomp.architectures", err)
		}
		if err := filter.AddArch(scmp[i]); err != nil {
			return nil, field("linux.seccomp.architectures", fmt.Errorf("%s: %w", a.name, err))
		}
	}
	if !slices.Contains(scmp, native) {
		if err := filter.RemoveArch(native); err != nil {
			return nil, field("linux.seccomp.architectures", fmt.Errorf("remove the native one: %w", err))
		}
	}
	return scmp, nil
}

func addRules(filter *libseccomp.ScmpFilter, p *profile) (skipped []string, err error) {
	rules := 0
	for i := range p.entries {
		e := &p.entries[i]
		for j, name := range e.names {
			nr, err := libseccomp.GetSyscallFromName(name)
			if err != nil {
				skipped = append(skipped, name)
				continue
			}
			if e.action == p.action {
				continue
			}
			more := 1
			if e.each {
				more = len(e.conds)
			}
			if rules += more * len(p.archs); rules > maxRules {
				return nil, field(fmt.Sprintf("linux.seccomp.syscalls[%d].names[%d]", i, j), tooMany(rules, "rules"))
			}
			if err := addRule(filter, nr, e); err != nil {
				return nil, field(fmt.Sprintf("linux.seccomp.syscalls[%d].names[%d]", i, j), fmt.Errorf("%q: %w", name, err))
			}
		}
	}
	return skipped, nil
}

func addRule(filter *libseccomp.ScmpFilter, nr libseccomp.ScmpSyscall, e *entry) error {
	if len(e.conds) == 0 {
		return filter.AddRule(nr, scmpAction(e.action))
	}
	conds := make([]libseccomp.ScmpCondition, len(e.conds))
	for i := range e.conds {
		conds[i] = scmpCondition(&e.conds[i])
	}
	if !e.each {
		return filter.AddRuleConditional(nr, scmpAction(e.action), conds)
	}
	for i := range conds {
		if err := filter.AddRuleConditional(nr, scmpAction(e.action), conds[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func scmpCondition(c *cond) libseccomp.ScmpCondition {
	s := libseccomp.ScmpCondition{Argument: uint(c.arg), Operand1: c.value}
	switch c.op {
	case opEQ:
		s.Op = libseccomp.CompareEqual
	case opNE:
		s.Op = libseccomp.CompareNotEqual
	case opGT:
		s.Op = libseccomp.CompareGreater
	case opLE:
		s.Op = libseccomp.CompareLessOrEqual
	case opGE:
		s.Op = libseccomp.CompareGreaterEqual
	case opLT:
		s.Op = libseccomp.CompareLess
	case opMaskedEQ:
		s.Op = libseccomp.CompareMaskedEqual
		s.Operand1, s.Operand2 = c.mask, c.value
	}
	return s
}

// export reads the filter back from libseccomp, which writes it to a file.
func export(filter *libseccomp.ScmpFilter) (_ []unix.SockFilter, err error) {
	fd, err := unix.MemfdCreate("seccomp", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "memfd:seccomp")
	defer f.Close()
	if err := filter.ExportBPF(f); err != nil {
		return nil, fmt.Errorf("export filter: %w", err)
	}
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 8*(1<<16)))
	if err != nil {
		return nil, fmt.Errorf("read exported filter: %w", err)
	}
	insns := make([]unix.SockFilter, len(raw)/8)
	if err := binary.Read(bytes.NewReader(raw), binary.NativeEndian, insns); err != nil {
		return nil, fmt.Errorf("decode exported filter: %w", err)
	}
	return insns, nil
}

// newest is the slot of the newest syscall that the profile names on an
// architecture, as far as libseccomp knows.
func newest(p *profile, a *arch, scmp libseccomp.ScmpArch) int {
	last := 0
	for i := range p.entries {
		for _, name := range p.entries[i].names {
			nr, err := libseccomp.GetSyscallFromNameByArch(name, scmp)
			if err != nil || nr < 0 {
				continue
			}
			if slot := int(nr) - int(a.base); slot < sysnr.Private {
				last = max(last, slot)
			}
		}
	}
	return last
}

// prepend puts before a filter what answers ENOSYS to syscalls newer than the
// profile. newest gives the newest slot of the architecture of an index, or 0.
func prepend(insns []unix.SockFilter, archs []*arch, newest func(int) int) []unix.SockFilter {
	c := code(slices.Clone(insns))
	slices.Reverse(c)
	filter := label(len(c) - 1)
	next := filter
	for i := len(archs) - 1; i >= 0; i-- {
		last := newest(i)
		if last == 0 {
			continue
		}
		a := archs[i]
		// What is not this architecture's goes on to the next one's check.
		enosys := c.stmt(opRet, retENOSYS)
		check := c.jump(opJgt, a.number(last), enosys, filter)
		switch {
		case a.audit == unix.AUDIT_ARCH_ARM:
			check = c.jump(opJge, a.number(sysnr.Private), filter, check)
		case a.base == x32Bit:
			check = c.jump(opJge, x32Bit, check, next)
		case a.audit == unix.AUDIT_ARCH_X86_64:
			check = c.jump(opJge, x32Bit, next, check)
		case a.setupENOSYS():
			check = c.jump(opJeq, 0, enosys, check)
		}
		check = c.load(dataNr, check)
		check = c.jump(opJeq, a.audit, check, next)
		next = c.load(dataArch, check)
	}
	slices.Reverse(c)
	return c
}
