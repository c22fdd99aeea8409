package resource

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/cgroups/systemd"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/plan"
)

// NotCloned is why the kernel let no process be cloned into a cgroup; 0: the error is about
// something else.
func NotCloned(err error) unix.Errno {
	var refused *spawn.CloneError
	if errors.As(err, &refused) {
		return refused.Errno
	}
	return 0
}

// NotEntered reports whether a process was not made because it must not be cloned into the
// cgroup: security modules answer EACCES, too.
func NotEntered(group *cgroups.Cgroup, err error) bool {
	return NotCloned(err) == unix.EACCES && !group.MayEnter()
}

// EnterError means that the kernel lets no process be cloned into a cgroup from the one that
// this process is in.
type EnterError struct {
	From, To string
	Err      error
}

func (e *EnterError) Error() string {
	return fmt.Sprintf("from cgroup %q the user cannot move processes into %q: %v", e.From, e.To, e.Err)
}

// Unwrap returns the kernel's answer.
func (e *EnterError) Unwrap() error { return e.Err }

// EnterByUnit has systemd move what config is to spawn into a cgroup of a container,
// which cause says that it cannot be cloned into: it may be in one that was delegated to the
// user with a unit that this process is not in. entry may name that. The error is an
// EnterError if there is no such unit.
func EnterByUnit(config *spawn.Config, cgroup string, entry *state.Cgroup, cause error) error {
	unit, user := entry.Unit, entry.User
	if unit == "" {
		unit, user = unitOf(cgroup), true
	}
	if unit == "" {
		own, err := cgroups.Own(0)
		if err != nil {
			return cause
		}
		return plan.InField("linux.cgroupsPath", &EnterError{From: own, To: cgroup, Err: cause})
	}
	config.Cgroup = -1
	config.Place = func(pid int) error {
		conn, err := systemd.Dial(user)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, below, _ := strings.Cut(cgroup, "/"+unit)
		return conn.Attach(unit, below, pid)
	}
	return nil
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
