package cgroups

import (
	"errors"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (l *limits) setMemory(m *specs.LinuxMemory) error {
	if value(m.CheckBeforeUpdate) {
		if err := l.checkMemory(m); err != nil {
			return err
		}
	}
	// Swap goes first: a lower memory.max may need it to push pages out.
	swap, err := l.swapMax(m)
	if err != nil {
		return err
	}
	if swap != "" {
		err := l.set("memory.swap", "memory.swap.max", swap)
		if swap == "0" || swap == "max" {
			// Without swap accounting there is no swap to deny or to grant;
			// without the controller, memory.limit has the better error.
			err = tolerate(err)
		}
		if err != nil {
			return err
		}
	}
	if err := l.setLimit("memory.limit", "memory.max", m.Limit); err != nil {
		return err
	}
	return l.setLimit("memory.reservation", "memory.low", m.Reservation)
}

// swapMax translates OCI's swap, the sum of memory and swap as in cgroup v1, to
// the swap alone that v2 limits. Empty leaves the file alone.
func (l *limits) swapMax(m *specs.LinuxMemory) (string, error) {
	const field = "memory.swap"
	limit, swap := value(m.Limit), value(m.Swap)
	switch {
	case swap < -1:
		return "", invalid(field, "%d is neither a limit nor -1", swap)
	case swap == 0 && limit == -1:
		return "max", nil // in v1 the sum could not stay limited either
	case swap == 0:
		return "", nil
	case swap == -1:
		return "max", nil
	case limit == 0:
		// An update may bring the sum alone.
		b, err := readAt(l.fd, "memory.max")
		if err != nil {
			return "", l.explain(field, "read", "memory.max", "", err)
		}
		n, ok := parseMax(b)
		if !ok {
			return "", l.parseError("memory.max", b)
		}
		if n == Max {
			return "", invalid(field, "%d needs memory.limit: it is the sum of memory and swap", swap)
		}
		limit = int64(n)
	case limit == -1:
		return "", invalid(field, "%d needs memory.limit: it is the sum of memory and swap", swap)
	}
	if swap < limit {
		return "", invalid(field, "%d is less than memory.limit %d, but is the sum of memory and swap: set both", swap, limit)
	}
	return strconv.FormatInt(swap-limit, 10), nil
}

// checkMemory refuses a limit below what is used now, which the kernel would
// enforce by killing (runtime-spec, checkBeforeUpdate).
func (l *limits) checkMemory(m *specs.LinuxMemory) error {
	limit, swap := value(m.Limit), value(m.Swap)
	if limit <= 0 && swap <= 0 {
		return nil
	}
	used, err := l.used("memory.current")
	if err != nil {
		return err
	}
	if limit > 0 && uint64(limit) < used {
		return invalid("memory.limit", "%d is less than the %d bytes in use", limit, used)
	}
	if swap <= 0 {
		return nil
	}
	swapped, err := l.used("memory.swap.current")
	if err != nil && !errors.Is(err, ErrNotSupported) {
		return err
	}
	if uint64(swap) < used+swapped {
		return invalid("memory.swap", "%d is less than the %d bytes in use", swap, used+swapped)
	}
	return nil
}

func (l *limits) used(file string) (uint64, error) {
	b, err := readAt(l.fd, file)
	if err != nil {
		return 0, l.explain("memory.checkBeforeUpdate", "read", file, "", err)
	}
	n, ok := parseMax(b)
	if !ok {
		return 0, l.parseError(file, b)
	}
	return n, nil
}

// MemoryStats is the use of memory, in bytes.
type MemoryStats struct {
	Usage uint64 // memory.current
	Peak  uint64 // memory.peak; 0 before Linux 5.19
	Limit uint64 // memory.max; Max for none
	Low   uint64 // memory.low

	Swap   *SwapStats // nil without swap accounting
	Events MemoryEvents
	Stat   []KeyValue // memory.stat in the kernel's order
}

// SwapStats is the use of swap alone, in bytes.
type SwapStats struct {
	Usage uint64 // memory.swap.current
	Peak  uint64 // memory.swap.peak; 0 before Linux 6.5
	Limit uint64 // memory.swap.max; Max for none
}

// MemoryEvents is memory.events: how often each happened in the cgroup and
// below it.
type MemoryEvents struct {
	Low          uint64 // reclaimed although below memory.low
	High         uint64 // throttled above memory.high
	Max          uint64 // about to exceed memory.max
	OOM          uint64 // out of memory
	OOMKill      uint64 // processes killed for it
	OOMGroupKill uint64 // whole cgroups killed for it
}

func (r *reader) memoryStats() (*MemoryStats, *PSI, error) {
	psi := r.psi("memory.pressure")
	if !r.has("memory.current") {
		return nil, psi, r.err
	}
	s := &MemoryStats{
		Usage: r.number("memory.current"),
		Peak:  r.number("memory.peak"),
		Limit: r.number("memory.max"),
		Low:   r.number("memory.low"),
		Stat:  r.keyValues("memory.stat"),
	}
	if r.has("memory.swap.current") {
		s.Swap = &SwapStats{
			Usage: r.number("memory.swap.current"),
			Peak:  r.number("memory.swap.peak"),
			Limit: r.number("memory.swap.max"),
		}
	}
	s.Events = memoryEvents(r.text("memory.events"))
	return s, psi, r.err
}

func memoryEvents(text []byte) (e MemoryEvents) {
	eachKey(text, func(key string, n uint64) {
		switch key {
		case "low":
			e.Low = n
		case "high":
			e.High = n
		case "max":
			e.Max = n
		case "oom":
			e.OOM = n
		case "oom_kill":
			e.OOMKill = n
		case "oom_group_kill":
			e.OOMGroupKill = n
		}
	})
	return e
}

// OOMKills counts the processes of the cgroup and below it that the kernel
// killed for want of memory. The error is ErrNotSupported if the cgroup has no
// memory controller.
func (c *Cgroup) OOMKills() (uint64, error) {
	b, err := readAt(c.fd, "memory.events")
	if err == unix.ENOENT {
		cause := c.missing("memory.events")
		return 0, cause
	}
	if err != nil {
		return 0, c.pathError("read", "memory.events", err)
	}
	return memoryEvents(b).OOMKill, nil
}
