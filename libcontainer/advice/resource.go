package advice

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
)

// limit is for limits that a cgroup does not take.
func limit(err error) string {
	var missing *cgroups.MissingError
	if errors.As(err, &missing) {
		return missingHint(missing)
	}
	var e *cgroups.Error
	switch {
	case !errors.As(err, &e):
		return ""
	case e.Field == "devices":
		return filterHint(e)
	case e.File == "": // the value itself is wrong, and the text says why
		return ""
	}
	return fileHint(path.Base(e.File), e)
}

// missingHint says how a cgroup gets a controller.
func missingHint(e *cgroups.MissingError) string {
	switch e.Why {
	case cgroups.Populated:
		return "no-internal-process rule of cgroup v2: move those processes into a cgroup below it"
	case cgroups.Threaded:
		return "choose a place outside of that subtree in linux.cgroupsPath, or leave the limit out"
	case cgroups.OwnedByV1:
		return "boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=all)"
	case cgroups.NotOffered:
		return "it is not compiled in, switched off by cgroup_disable=, or not delegated to this cgroup namespace"
	}
	return "a cgroup above it must have it in cgroup.subtree_control; under systemd set Delegate=yes for the unit (user@.service for rootless)"
}

func filterHint(e *cgroups.Error) string {
	switch {
	case errors.Is(e, unix.EPERM):
		return "a device filter needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, in the initial user namespace" +
			" (and a cgroup whose present filters allow others beside them)"
	case errors.Is(e, unix.EINVAL), errors.Is(e, unix.ENOSYS):
		return "the kernel needs CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF"
	}
	return ""
}

// fileHint is for a file of a cgroup's that the kernel does not have, or refuses.
func fileHint(file string, e *cgroups.Error) string {
	switch {
	case errors.Is(e, cgroups.ErrNotSupported):
		return unsupportedHint(file)
	case errors.Is(e, unix.ENODEV) && strings.HasPrefix(file, "io."):
		return "the value must name a whole disk of this host, not a partition"
	case errors.Is(e, unix.EACCES), errors.Is(e, unix.EPERM), errors.Is(e, unix.EROFS):
		return "this user cannot write there: have the cgroup delegated, or leave the limit out"
	case errors.Is(e, unix.EINVAL), errors.Is(e, unix.ERANGE):
		return rangeHint(file)
	case errors.Is(e, unix.EBUSY) && file == "cgroup.subtree_control":
		return "no-internal-process rule of cgroup v2: the container's processes would have to be in a cgroup below it"
	case errors.Is(e, unix.EBUSY):
		return "the kernel refuses the value while the cgroup, one below it or one beside it uses the resource"
	case e.Op == "write" && file == "cpuset.cpus.partition":
		return "a partition needs CPUs of its own in cpuset.cpus or cpuset.cpus.exclusive, which every cgroup above has for it in cpuset.cpus.exclusive"
	}
	return ""
}

// unsupportedHint says what the kernel needs to have a file.
func unsupportedHint(file string) string {
	switch {
	case strings.HasPrefix(file, "memory.swap."):
		return "swap accounting is off: boot with swapaccount=1"
	case strings.HasPrefix(file, "hugetlb."):
		return "see /sys/kernel/mm/hugepages for the page sizes that the kernel knows"
	case file == "io.weight" || file == "io.bfq.weight":
		return "weights need the BFQ scheduler on the disk (see queue/scheduler in /sys/block/DISK) or, unless they are for single disks, CONFIG_BLK_CGROUP_IOCOST"
	}
	return ""
}

// rangeHint says what the kernel takes, for files that refuse usual mistakes.
func rangeHint(file string) string {
	switch file {
	case "cpu.max":
		return "quota must be at least 1000 and the burst, period 1000 to 1000000 microseconds"
	case "cpu.max.burst":
		return "burst must not exceed the quota"
	case "cpu.weight":
		return "a cgroup with cpu.idle=1 has no weight"
	case "cpuset.cpus", "cpuset.mems":
		return "the list must name CPUs or nodes that the parent cgroup has, such as 0-3,7"
	case "cpuset.cpus.partition":
		return "expected member, root or isolated"
	case "misc.max":
		return "expected RESOURCE VALUE, of the resources that misc.capacity of the root cgroup lists"
	case "io.max":
		return "expected MAJOR:MINOR and rbps, wbps, riops or wiops, each with =NUMBER or =max"
	case "memory.max", "memory.high", "memory.low", "memory.min", "memory.swap.max", "memory.swap.high", "memory.zswap.max":
		return "expected a number of bytes, or max"
	case "pids.max":
		return "expected a number, or max"
	}
	return ""
}
