package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer/spawn"
)

// denied tells whether the kernel refused for want of privileges.
func denied(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}

// cgroupParent is where a runtime without root's privileges makes the cgroups
// of containers that ask for no absolute path: beside its own, where processes
// of no container keep the cgroup above from having controllers, or below it.
// "" if it may do neither.
func cgroupParent(h cgroups.Hierarchy) string {
	own, err := cgroups.Own(0)
	if err != nil {
		return ""
	}
	return besideOrBelow(own, func(dir string) bool { return mayHold(h.Path + dir) })
}

func besideOrBelow(own string, mayHold func(dir string) bool) string {
	if own == "/.." || strings.HasPrefix(own, "/../") {
		return "" // outside of what this cgroup namespace shows
	}
	for _, dir := range [...]string{path.Dir(own), own} {
		if mayHold(dir) {
			return dir
		}
	}
	return ""
}

// mayHold tells whether the caller may make cgroups in a directory, and put
// processes of its own there into them: for that the kernel looks at the cgroup
// above both (cgroup-v2.rst, "Delegation Containment").
func mayHold(dir string) bool {
	return unix.Access(dir, unix.W_OK) == nil && unix.Access(dir+"/cgroup.procs", unix.W_OK) == nil
}

// remedies for an ordinary user without a cgroup.
const (
	placeHint = "use --systemd-cgroup, so that the user's systemd makes the cgroup, or start from a scope of " +
		"its own: systemd-run --user --scope -p Delegate=yes ..."
	limitHint = placeHint + "; or leave the limits out"
	moveHint  = "start from inside of the user's systemd: systemd-run --user --scope ..."
)

// noPlace explains why an ordinary user gets no cgroup.
func (c *creation) noPlace(err error) error {
	if !denied(err) || errors.Is(err, unix.EROFS) || c.host.EUID == 0 && !c.host.UserNS {
		return err
	}
	if limit := firstLimit(c.spec.Linux.Resources); limit != "" && c.spec.Linux.CgroupsPath == "" {
		return fieldError("linux.resources."+limit, fmt.Errorf("the user may not make a cgroup for it: %w", err), limitHint)
	}
	return fieldError("linux.cgroupsPath", err, placeHint+"; or leave out linux.cgroupsPath and all limits")
}

// firstLimit names the first of the resources that only a cgroup can limit; ""
// if there is none.
func firstLimit(r *specs.LinuxResources) string {
	switch {
	case r == nil:
		return ""
	case r.Memory != nil && *r.Memory != specs.LinuxMemory{}:
		return "memory"
	case r.CPU != nil && *r.CPU != specs.LinuxCPU{}:
		return "cpu"
	case r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit > 0:
		return "pids.limit"
	case r.BlockIO != nil:
		return "blockIO"
	case len(r.HugepageLimits) > 0:
		return "hugepageLimits"
	case len(r.Rdma) > 0:
		return "rdma"
	case len(r.Unified) > 0:
		return "unified"
	}
	return ""
}

// notBorn is why the kernel let no process be born in a cgroup; 0: the error is about
// something else.
func notBorn(err error) unix.Errno {
	var refused *spawn.CloneError
	if errors.As(err, &refused) {
		return refused.Errno
	}
	return 0
}

// notEntered reports whether a process was not made because it may not be born in
// the cgroup: security modules answer EACCES, too.
func notEntered(group *cgroups.Cgroup, err error) bool {
	return notBorn(err) == unix.EACCES && !group.MayEnter()
}

// notFromHere explains that the kernel did not let a process be born in a
// cgroup, for the sake of the one that this process is in.
func notFromHere(err error, target string) error {
	own, ownErr := cgroups.Own(0)
	if ownErr != nil {
		return err
	}
	hint := moveHint
	if !strings.Contains(target, "/user@") {
		hint = fmt.Sprintf("start from a process in %q, or have cgroup.procs of %q given to the user", path.Dir(target), common(own, target))
	}
	return fieldError("linux.cgroupsPath", fmt.Errorf("from cgroup %q the user may not put processes into %q: %w", own, target, err), hint)
}

// common is the innermost cgroup that two are in.
func common(a, b string) string {
	for !strings.HasPrefix(b+"/", strings.TrimSuffix(a, "/")+"/") {
		a = path.Dir(a)
	}
	return a
}

// attach has systemd move a process of the user's into a cgroup that the user
// can't reach from the one that this process is in. The cgroup is that of a
// unit, or in one that was delegated.
func attach(user bool, unit, cgroup string, pid int) error {
	if unit == "" {
		unit = unitOf(cgroup)
	}
	conn, err := systemd.Dial(user)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, below, _ := strings.Cut(cgroup, "/"+unit)
	return conn.Attach(unit, below, pid)
}

// unitOf finds the unit of a user's systemd that a cgroup is in: the outermost
// below user@UID.service, which is that systemd's own. "" if it is in none but
// slices: those hold no processes.
func unitOf(cgroup string) string {
	_, below, ok := strings.Cut(cgroup, "/user@")
	if !ok {
		return ""
	}
	_, below, _ = strings.Cut(below, "/")
	for name := range strings.SplitSeq(below, "/") {
		switch {
		case strings.HasSuffix(name, ".scope"), strings.HasSuffix(name, ".service"):
			return name
		case !strings.HasSuffix(name, ".slice"):
			return ""
		}
	}
	return ""
}
