package inspect

import (
	"maps"
	"os"
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
		l.limit("memory.max", "memory.limit", number(m.Limit), sameBytes)
		l.limit("memory.low", "memory.reservation", number(m.Reservation), sameBytes)
	}
	if c := r.CPU; c != nil {
		if c.Shares != nil && *c.Shares != 0 && (c.Idle == nil || *c.Idle == 0) { // an idle one has no weight
			l.limit("cpu.weight", "cpu.shares", strconv.FormatUint(cgroups.WeightOfShares(*c.Shares), 10), sameText)
		}
		if c.Quota != nil && *c.Quota > 0 {
			period := uint64(100000) // the kernel's default
			if c.Period != nil && *c.Period != 0 {
				period = *c.Period
			}
			l.limit("cpu.max", "cpu.quota", strconv.FormatInt(*c.Quota, 10)+" "+strconv.FormatUint(period, 10), sameText)
		}
		l.limit("cpuset.cpus", "cpu.cpus", c.Cpus, sameSet)
		l.limit("cpuset.mems", "cpu.mems", c.Mems, sameSet)
	}
	if p := r.Pids; p != nil {
		l.limit("pids.max", "pids.limit", number(p.Limit), sameText)
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		l.limit(file, "unified", strings.TrimSpace(r.Unified[file]), sameUnified(file))
	}
	if devices := l.Spec.Linux.Resources; devices != nil {
		n, err := l.Cgroup.DevicePrograms()
		if err == nil {
			l.add("device programs", "linux.resources.devices", "", strconv.Itoa(n), false)
		}
	}
	return l.deviceFilter()
}

// limit compares a file's content; nothing if nothing was asked for. One without its
// controller was refused, or left at the default that there is without.
func (l *look) limit(file, field, asked string, same func(asked, is string) bool) {
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

func sameText(asked, is string) bool { return asked == is }

// sameBytes compares sizes, which the kernel rounds down to pages.
func sameBytes(asked, is string) bool {
	a, errA := strconv.ParseUint(asked, 10, 64)
	b, errB := strconv.ParseUint(is, 10, 64)
	return asked == is || errA == nil && errB == nil && b <= a && a-b < uint64(os.Getpagesize())
}

// sameSet compares lists of numbers, such as "0-2,4".
func sameSet(asked, is string) bool {
	a, errA := setOf(asked)
	b, errB := setOf(is)
	return asked == is || errA == nil && errB == nil && slices.Equal(a, b)
}

func setOf(list string) ([]uint64, error) {
	set, err := cgroups.Numbers(list)
	slices.Sort(set)
	return slices.Compact(set), err
}

// sameUnified compares what was written to a file with what it has, if both are a single
// number or max. The kernel shows the others in another form than it takes: with keys
// that were not given, and units.
func sameUnified(file string) func(asked, is string) bool {
	single := func(s string) bool {
		_, err := strconv.ParseUint(s, 10, 64)
		return err == nil || s == "max"
	}
	same := sameText
	if strings.HasPrefix(file, "memory.") || strings.HasPrefix(file, "hugetlb.") {
		same = sameBytes
	}
	return func(asked, is string) bool { return !single(asked) || !single(is) || same(asked, is) }
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
