// Package sysnr holds Linux's syscall numbers for every architecture that a
// seccomp profile can name.
//
// The tables are arrays of small integers and one string, so that they cost
// nothing at start, and a program carries only those that it refers to.
package sysnr

//go:generate go run ../gen/main.go

// Slots maps a name's index to its slot on one architecture, or to [None].
//
// A slot is the syscall's number less the architecture's base (0x40000000 on
// x32, 4000, 5000 and 6000 on MIPS). ARM's private calls, which start at
// [PrivateBase], have the slots from [Private] on.
type Slots [Count]int16

const (
	None        = -1      // the architecture has no such syscall
	Max         = 640     // slots are smaller than this
	Private     = 608     // slot of ARM's first private call
	PrivateBase = 0xf0000 // its number, see arch/arm/include/uapi/asm/unistd.h
)

const ipcCall = 100

// Call returns how the syscall of index i is made on architectures that
// multiplex it: the call number that socketcall(2) or ipc(2) takes as its
// first argument. It is 0 for all others.
func Call(i int) (socketcall, ipc uint8) {
	if n := calls[i]; n >= ipcCall {
		return 0, n - ipcCall
	} else {
		return n, 0
	}
}

// Name returns the name of index i, 0 <= i < [Count].
func Name(i int) string {
	start := uint16(0)
	if i > 0 {
		start = ends[i-1]
	}
	return names[start:ends[i]]
}

// Index finds a name's index, or returns -1. It tries next first: profiles
// list most syscalls in order, and the caller passes the index that follows
// the previous name's.
func Index(name string, next int) int {
	if next < Count && Name(next) == name {
		return next
	}
	lo, hi := 0, Count
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		switch s := Name(mid); {
		case s == name:
			return mid
		case s < name:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return -1
}
