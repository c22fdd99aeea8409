package inspect

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// cgroup compares limits with the files of the container's cgroup. They are those of the
// last update.
func (l *look) cgroup() error {
	if l.Cgroup == nil {
		l.add("cgroup", "", "", "none", false)
		return nil
	}
	l.add("cgroup", "linux.cgroupsPath", l.Spec.Linux.CgroupsPath, l.Cgroup.Dir(), false)
	r := l.Resources
	if r == nil {
		r = new(specs.LinuxResources)
	}
	if m := r.Memory; m != nil {
		l.limit("memory.max", "memory.limit", number(m.Limit))
		l.limit("memory.low", "memory.reservation", number(m.Reservation))
	}
	if c := r.CPU; c != nil {
		if c.Shares != nil && *c.Shares != 0 {
			l.limit("cpu.weight", "cpu.shares", strconv.FormatUint(cgroups.WeightOfShares(*c.Shares), 10))
		}
		if c.Quota != nil && *c.Quota > 0 {
			period := uint64(100000) // the kernel's default
			if c.Period != nil && *c.Period != 0 {
				period = *c.Period
			}
			l.limit("cpu.max", "cpu.quota", strconv.FormatInt(*c.Quota, 10)+" "+strconv.FormatUint(period, 10))
		}
		l.limit("cpuset.cpus", "cpu.cpus", c.Cpus)
		l.limit("cpuset.mems", "cpu.mems", c.Mems)
	}
	if p := r.Pids; p != nil {
		l.limit("pids.max", "pids.limit", number(p.Limit))
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		l.limit(file, "unified", r.Unified[file])
	}
	if devices := l.Spec.Linux.Resources; devices != nil {
		n, err := l.Cgroup.DevicePrograms()
		if err == nil {
			l.add("device programs", "linux.resources.devices", "", strconv.Itoa(n), false)
		}
	}
	return nil
}

// limit compares a file's content; nothing if nothing was asked for. One without its
// controller was refused, or left at the default that there is without.
func (l *look) limit(file, field, asked string) {
	if asked == "" {
		return
	}
	is := "no such file"
	fd, err := retry.Openat(l.Cgroup.FD(), file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		text, _ := sys.ReadHead(fd, 4096)
		unix.Close(fd)
		is = strings.TrimSpace(string(text))
	}
	l.add(file, "linux.resources."+field, asked, is, !same(asked, is) && (err == nil || asked != "max"))
}

// same reports whether a file has what was written to it: the kernel rounds down to
// pages.
func same(asked, is string) bool {
	if asked == is || strings.Join(strings.Fields(asked), " ") == strings.Join(strings.Fields(is), " ") {
		return true
	}
	a, errA := strconv.ParseUint(asked, 10, 64)
	b, errB := strconv.ParseUint(is, 10, 64)
	return errA == nil && errB == nil && b <= a && a-b < 4096
}

// number is a limit in the encoding of the runtime specification; "" if there is none.
func number(n *int64) string {
	switch {
	case n == nil || *n == 0:
		return ""
	case *n < 0:
		return "max"
	}
	return strconv.FormatInt(*n, 10)
}
