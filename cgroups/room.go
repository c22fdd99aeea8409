package cgroups

import (
	"strings"

	"golang.org/x/sys/unix"
)

// PidsRoom returns how many more processes and threads fit into the cgroup and
// those above it; Max if nothing limits them.
func (c *Cgroup) PidsRoom() (uint64, error) {
	return c.room(func(level *dir) (uint64, bool, error) {
		r := reader{d: level}
		stats, err := r.pidsStats()
		if err != nil || stats == nil {
			return Max, false, err
		}
		return left(stats.Limit, stats.Current), true, nil
	})
}

// MemoryRoom returns how many more bytes fit into the cgroup and those above it
// before the kernel throttles (memory.high) or kills
// (memory.max); Max if nothing limits them. File contents that were not used
// lately count as room: dropping them is cheap. They are only counted where there
// is less than enough without, as the kernel collects that number from all CPUs.
func (c *Cgroup) MemoryRoom(enough uint64) (uint64, error) {
	return c.room(func(level *dir) (uint64, bool, error) {
		r := reader{d: level}
		limit, ok := parseMax(r.text("memory.max"))
		if !ok {
			return Max, false, r.err
		}
		if limit = min(limit, r.number("memory.high")); limit == Max || r.err != nil {
			return Max, true, r.err
		}
		current := r.number("memory.current")
		if left(limit, current) < enough {
			cached, _ := flatKey(r.text("memory.stat"), "inactive_file")
			current -= min(current, cached)
		}
		return left(limit, current), true, r.err
	})
}

// left is how much is left of a limit.
func left(limit, used uint64) uint64 {
	if limit == Max {
		return Max
	}
	return limit - min(limit, used)
}

// room is the least of what the cgroup and those above have. Where a controller
// is not, it is not above either; the root has no limits.
func (d *dir) room(of func(level *dir) (room uint64, there bool, err error)) (uint64, error) {
	least := uint64(Max)
	level, path := d, d.path
	for {
		room, there, err := of(level)
		if level != d {
			level.Close()
		}
		if err != nil || !there {
			return least, err
		}
		least = min(least, room)
		if path = parent(path); path == "/" {
			return least, nil
		}
		above, err := d.h.Open(path)
		if err != nil {
			return least, err
		}
		level = &above.dir
	}
}

// parent is the path above; that of the root is the root.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 1)]
}

// MayEnter reports whether this process may move others from its own cgroup to this
// one: it takes the right to do so in the cgroup above both (cgroups(7),
// delegation containment).
func (c *Cgroup) MayEnter() bool {
	own, err := Own(0)
	if err != nil || strings.HasPrefix(own, "/..") {
		return false
	}
	above := c.path
	for above != "/" && !strings.HasPrefix(own+"/", above+"/") {
		above = parent(above)
	}
	for _, path := range [...]string{above, c.path} {
		if unix.Faccessat(unix.AT_FDCWD, c.h.Path+path+"/cgroup.procs", unix.W_OK, unix.AT_EACCESS) != nil {
			return false
		}
	}
	return true
}
