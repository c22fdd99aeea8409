package seccomp

import "golang.org/x/sys/unix"

// Denies reports whether the filter could keep its own process from making a
// system call of the native architecture, whose first arguments are known. To ask the
// agent is not to deny.
//
// What depends on other arguments is followed both ways, so a call that is denied
// with some of them only counts as denied.
func (p *Program) Denies(nr uint32, args ...uint64) bool {
	w := walk{filter: p.Filter, nr: nr, args: args, seen: make(map[place]bool)}
	return w.denies(place{})
}

// Lets reports whether the filter lets its process make a system call of the
// native architecture, without asking an agent. The call's first arguments are known, the
// others may be anything.
func (p *Program) Lets(nr uint32, args ...uint64) bool {
	w := walk{filter: p.Filter, nr: nr, args: args, unasked: true, seen: make(map[place]bool)}
	return !w.denies(place{})
}

// Never reports whether the filter lets its process make a system call of the native
// architecture with no arguments whatever.
func (p *Program) Never(nr uint32) bool {
	w := walk{filter: p.Filter, nr: nr, seen: make(map[place]bool), ever: true}
	return !w.denies(place{})
}

// place is where a walk through a filter is, and what the accumulator holds.
type place struct {
	pc    uint32
	acc   uint32
	known bool // acc: not an argument
}

type walk struct {
	filter []unix.SockFilter
	nr     uint32
	args   []uint64 // those that are known, from the first on
	// unasked: to ask the agent is to deny.
	unasked bool
	// ever: what is looked for is not a way that denies, but one that does not.
	ever bool
	seen map[place]bool
}

// denies follows every way from a place. Filters have no backward jumps, so
// all of them end.
func (w *walk) denies(at place) bool {
	for !w.seen[at] {
		w.seen[at] = true
		if int(at.pc) >= len(w.filter) {
			return !w.ever // no such program was loaded
		}
		i := w.filter[at.pc]
		at.pc++
		switch i.Code {
		case opRet:
			return w.denied(i.K) != w.ever
		case opLoad:
			at.acc, at.known = w.load(i.K)
		case opAnd:
			at.acc &= i.K
		case opJump:
			at.pc += i.K
		default:
			yes, no := at, at
			yes.pc += uint32(i.Jt)
			no.pc += uint32(i.Jf)
			if !at.known {
				if w.denies(yes) {
					return true
				}
				at = no
				continue
			}
			if at = no; met(i, at.acc) {
				at = yes
			}
		}
	}
	return false // been here
}

// denied reports whether a filter's answer is to deny. A tracer decides otherwise.
func (w *walk) denied(answer uint32) bool {
	switch answer & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG:
		return false
	case unix.SECCOMP_RET_USER_NOTIF:
		return w.unasked
	case unix.SECCOMP_RET_TRACE:
		return !w.ever
	}
	return true
}

// load gives what is known of seccomp_data before a call is made.
func (w *walk) load(offset uint32) (value uint32, known bool) {
	switch offset {
	case dataNr:
		return w.nr, true
	case dataArch:
		return native().audit, true
	}
	const firstArg = 16 // struct seccomp_data, see seccomp(2)
	if offset < firstArg || int(offset-firstArg)/8 >= len(w.args) {
		return 0, false
	}
	arg := w.args[(offset-firstArg)/8]
	if high := offset%8 == 4; high != native().big {
		arg >>= 32
	}
	return uint32(arg), true
}

func met(i unix.SockFilter, acc uint32) bool {
	switch i.Code {
	case opJeq:
		return acc == i.K
	case opJgt:
		return acc > i.K
	case opJge:
		return acc >= i.K
	}
	return acc&i.K != 0 // BPF_JSET
}
