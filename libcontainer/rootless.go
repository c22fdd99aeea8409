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
	"github.com/crun-go/crun-go/specconv/plan"
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

// unlimited names the limit for which an ordinary user's container needs a cgroup.
func (c *creation) unlimited(s *plan.CreateCgroup, err error) error {
	if !denied(err) || errors.Is(err, unix.EROFS) || c.host.EUID == 0 && !c.host.UserNS || c.spec.Linux.CgroupsPath != "" {
		return err
	}
	limit := firstLimit(c.spec.Linux.Resources)
	if limit == "" {
		return err
	}
	return &plan.StepError{Item: plan.Item{Field: "linux.resources." + limit, Step: s}, Err: err}
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

// EnterError means that the kernel lets no process be born in a cgroup, for the sake
// of the one that this process is in.
type EnterError struct {
	From, To string
	Err      error
}

func (e *EnterError) Error() string {
	return fmt.Sprintf("from cgroup %q the user may not put processes into %q: %v", e.From, e.To, e.Err)
}

// Unwrap returns the kernel's answer.
func (e *EnterError) Unwrap() error { return e.Err }

// notFromHere explains that the kernel did not let a process be born in a cgroup.
func notFromHere(err error, target string) error {
	own, ownErr := cgroups.Own(0)
	if ownErr != nil {
		return err
	}
	return fieldError("linux.cgroupsPath", &EnterError{From: own, To: target, Err: err})
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
