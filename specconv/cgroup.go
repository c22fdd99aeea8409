package specconv

import (
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// cgroupBuilder plans the container's cgroup, its limits, and its class of service.
type cgroupBuilder struct {
	*draft
	ns *namespaceBuilder

	path      string
	limits    []plan.Item          // set by the parent while init starts
	devices   []plan.Item          // SetDevices: as limits, or once init has mounted its disks
	subcgroup *plan.EnterSubcgroup // nil: none
	rdt       bool                 // linux.intelRdt is there
}

// noHierarchy names the field, of those that are there, that asks for a cgroup.
func (b *cgroupBuilder) noHierarchy() error {
	field := ""
	switch {
	case b.linux.CgroupsPath != "":
		field = "linux.cgroupsPath"
	case needsCgroup(b.linux.Resources):
		field = "linux.resources"
	}
	return invalid(field, "mount -t cgroup2 cgroup2 /sys/fs/cgroup; or, where cgroup v1 is mounted there, boot with systemd.unified_cgroup_hierarchy=1, "+
		"or without limits mount it at /sys/fs/cgroup/unified; in a container, give that a cgroup mount that is read-write; "+
		"with --rootless=true, containers without limits do without a cgroup",
		"no cgroup can be made: no cgroup2 file system is mounted")
}

// planCgroup plans the cgroup and its limits. Who lacks the privileges of the host's
// root, and asks for no limits, can do without.
func (b *cgroupBuilder) planCgroup() error {
	if b.opts.NoCgroup {
		b.leaveCgroup()
		return nil
	}
	if r := b.linux.Resources; r != nil {
		if err := CheckResources(r); err != nil {
			return err
		}
		b.warnings = append(b.warnings, IgnoredResources(r)...)
	}
	tolerated := b.rootless() && b.linux.CgroupsPath == "" && !needsCgroup(b.linux.Resources)
	switch nowhere := b.host.CgroupRoot == ""; {
	case nowhere && tolerated && !b.opts.SystemdCgroup:
		return nil
	case nowhere:
		return b.noHierarchy()
	case b.opts.SystemdCgroup:
		return b.planUnit()
	}
	if name := b.linux.CgroupsPath; strings.Count(name, ":") == 2 && !strings.Contains(name, "/") {
		b.warn("linux.cgroupsPath", strconv.Quote(name)+" is taken for the name of a directory: for systemd it would be slice:prefix:name, with --systemd-cgroup")
	}
	b.path = b.cgroupPath()
	step := &plan.CreateCgroup{Path: b.path, Tolerated: tolerated}
	b.delegateCgroup(step)
	b.parentAdd("linux.cgroupsPath", step)
	b.planSubcgroup(step)
	b.ns.spawn.Outside = memoryLimit(b.linux.Resources) < littleMemory && !b.rootless()
	return b.planLimits()
}

// leaveCgroup plans a container that stays in the caller's cgroup: what limits it
// has are that one's.
func (b *cgroupBuilder) leaveCgroup() {
	if needsCgroup(b.linux.Resources) {
		b.warn("linux.resources", "limits have no effect: cgroups are disabled")
	}
	linux := *b.linux
	linux.Resources = nil
	b.linux = &linux
}

// littleMemory is a limit, in bytes, that the start of an init comes close to: it takes
// some 300 KiB, and some MiB where it has Go's runtime.
// Memory stays charged to where it was first used: so init starts outside of the
// container's cgroup, and is moved, which takes milliseconds and rights that only
// root has for sure. Where systemd makes the cgroup the limit is there before init.
const littleMemory = 4 << 20

// memoryLimit returns the least of what limits memory, in bytes; without any it
// is huge.
func memoryLimit(r *specs.LinuxResources) int64 {
	least := int64(math.MaxInt64)
	if r == nil {
		return least
	}
	if r.Memory != nil && nonzero(r.Memory.Limit) && *r.Memory.Limit > 0 {
		least = *r.Memory.Limit
	}
	for _, file := range [...]string{"memory.max", "memory.high"} {
		if n, err := strconv.ParseInt(strings.TrimSpace(r.Unified[file]), 10, 64); err == nil && n > 0 {
			least = min(least, n)
		}
	}
	return least
}

// planSubcgroup plans the cgroup below that an annotation asks for.
func (b *cgroupBuilder) planSubcgroup(above *plan.CreateCgroup) {
	if name := b.spec.Annotations[delegateCgroup]; name != "" {
		b.subcgroup = &plan.EnterSubcgroup{Name: name, Delegate: above.Delegate, OwnerUID: above.OwnerUID, OwnerGID: above.OwnerGID}
	}
}

// planLimits plans the limits and the device filter of the cgroup.
func (b *cgroupBuilder) planLimits() error {
	r := b.linux.Resources
	if r == nil {
		return b.planDeviceRules(nil)
	}
	if err := checkUnified(r.Unified); err != nil {
		return err
	}
	if hasLimits(r) {
		b.limits = append(b.limits, plan.Item{Field: "linux.resources", Step: &plan.SetResources{Resources: r}})
	}
	return b.planDeviceRules(r.Devices)
}

// cgroupPath resolves linux.cgroupsPath to a path below the hierarchy's root.
// ".." can't lead out of it: cleaning a rooted path ends there.
func (b *cgroupBuilder) cgroupPath() string {
	name := b.linux.CgroupsPath
	switch {
	case name == "":
		name = b.host.CgroupParent + "/" + b.opts.ID
	case name[0] != '/':
		name = b.host.CgroupParent + "/" + path.Clean("/"+name)
	}
	return path.Clean("/" + name)
}

// delegateCgroup gives the cgroup to the container's user (runtime-spec,
// config-linux.md, "Cgroup ownership"), if the container gets a cgroup
// namespace and may write to its cgroup mount.
func (b *cgroupBuilder) delegateCgroup(step *plan.CreateCgroup) {
	if !b.ns.makes(specs.CgroupNamespace) {
		return
	}
	writable := slices.ContainsFunc(b.spec.Mounts, func(m specs.Mount) bool {
		if m.Type != "cgroup" && m.Type != "cgroup2" || path.Clean("/"+m.Destination) != "/sys/fs/cgroup" {
			return false
		}
		words, err := readOptions("", m.Options)
		return err == nil && words.forNew().Attr.Set&unix.MOUNT_ATTR_RDONLY == 0
	})
	if !writable {
		return
	}
	uid, gid := b.process.User.UID, b.process.User.GID
	if b.ns.has(specs.UserNamespace) {
		var known bool
		if uid, known = hostID(b.linux.UIDMappings, uid); !known {
			return
		}
		if gid, known = hostID(b.linux.GIDMappings, gid); !known {
			return
		}
	}
	if int(uid) != b.host.EUID {
		step.Delegate, step.OwnerUID, step.OwnerGID = true, int(uid), int(gid)
	}
}

// hasLimits reports whether resources ask for anything that cgroup v2 has,
// apart from devices and pids. Zero means unset: engines write it for all they
// have no value for.
func hasLimits(r *specs.LinuxResources) bool {
	if r == nil {
		return false
	}
	if m := r.Memory; m != nil && (nonzero(m.Limit) || nonzero(m.Reservation) || nonzero(m.Swap)) {
		return true
	}
	if c := r.CPU; c != nil && (nonzero(c.Shares) || nonzero(c.Quota) || nonzero(c.Period) || nonzero(c.Burst) ||
		nonzero(c.Idle) || c.Cpus != "" || c.Mems != "") {
		return true
	}
	if io := r.BlockIO; io != nil && (nonzero(io.Weight) || len(io.WeightDevice) > 0 ||
		len(io.ThrottleReadBpsDevice) > 0 || len(io.ThrottleWriteBpsDevice) > 0 ||
		len(io.ThrottleReadIOPSDevice) > 0 || len(io.ThrottleWriteIOPSDevice) > 0) {
		return true
	}
	return len(r.HugepageLimits) > 0 || len(r.Rdma) > 0 || len(r.Unified) > 0
}

// needsCgroup reports whether resources limit anything. To have no limit on
// memory or processes, which engines ask for by -1, takes no cgroup.
func needsCgroup(r *specs.LinuxResources) bool {
	if r == nil || pidsLimit(r) > 0 {
		return r != nil
	}
	rest := *r
	if m := r.Memory; m != nil && !positive(m.Limit) && !positive(m.Reservation) && !positive(m.Swap) {
		rest.Memory = nil
	}
	return hasLimits(&rest)
}

func positive(v *int64) bool { return v != nil && *v > 0 }

func nonzero[T int64 | uint64 | uint16](v *T) bool { return v != nil && *v != 0 }

// pidsLimit returns linux.resources.pids.limit, or what unified has in its
// place; 0: unset. A limit of 0 is one of 1: the container's process is there,
// and may make no other.
func pidsLimit(r *specs.LinuxResources) int64 {
	if r == nil {
		return 0
	}
	if limit := unifiedPids(r.Unified["pids.max"]); limit != 0 {
		return limit
	}
	if r.Pids == nil || r.Pids.Limit == nil {
		return 0
	}
	if *r.Pids.Limit == 0 {
		return 1
	}
	return *r.Pids.Limit
}

// unifiedPids reads the content of pids.max; 0: it is none.
func unifiedPids(text string) int64 {
	if text = strings.TrimSpace(text); text == "max" {
		return -1
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// checkUnified keeps keys of linux.resources.unified to names of files: of the
// container's own cgroup, and no others.
func checkUnified(unified map[string]string) error {
	if text, ok := unified["pids.max"]; ok && unifiedPids(text) == 0 {
		return invalid("linux.resources.unified", "", "pids.max is %q, expected max or a number of at least 1", text)
	}
	for _, key := range sortedKeys(unified) {
		if strings.Contains(key, "/") || !strings.Contains(strings.Trim(key, "."), ".") {
			return invalid("linux.resources.unified", "", "%q is not the name of a cgroup file, expected one such as memory.high", key)
		}
	}
	return nil
}
