package seccomp

import "golang.org/x/sys/unix"

// A Call is a system call as the kernel shows it to a filter (struct seccomp_data).
type Call struct {
	Number, Arch uint32 // AUDIT_ARCH_*
	Args         [MaxArgs]uint64
}

// answer is what a filter returns for a call, by a kernel of this program's byte order.
func (d *Call) answer(filter []unix.SockFilter) uint32 {
	return run(filter, &call{nr: d.Number, arch: d.Arch, args: d.Args, big: native().big})
}

// call is a call on a machine of either byte order.
type call struct {
	nr, arch uint32
	args     [MaxArgs]uint64
	big      bool
}

// word is the 32-bit word at an offset of seccomp_data.
func (d *call) word(offset uint32) uint32 {
	switch {
	case offset == dataNr:
		return d.nr
	case offset == dataArch:
		return d.arch
	case offset < dataArgs || offset >= dataArgs+8*6 || offset%4 != 0:
		panic("load outside of seccomp_data")
	}
	v := d.args[(offset-dataArgs)/8]
	if (offset%8 == 0) == d.big {
		v >>= 32
	}
	return uint32(v)
}

// run interprets a filter. It panics where the kernel would refuse the filter.
func run(f []unix.SockFilter, d *call) uint32 {
	var acc uint32
	for pc := 0; ; pc++ {
		i := &f[pc]
		taken := false
		switch i.Code {
		case opLoad:
			acc = d.word(i.K)
			continue
		case opAnd:
			acc &= i.K
			continue
		case opRet:
			return i.K
		case opJump:
			pc += int(i.K)
			continue
		case opJeq:
			taken = acc == i.K
		case opJgt:
			taken = acc > i.K
		case opJge:
			taken = acc >= i.K
		default:
			panic("unknown instruction")
		}
		if taken {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
}
