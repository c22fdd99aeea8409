package exec

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/specconv/plan"
)

// memoryForInit is how much memory init and what it clones can do with, in bytes, with
// Go's runtime, too.
const memoryForInit = 3 << 20

// place is the cgroup of a process, in the container's.
type place struct {
	asked     *Options
	container *libcontainer.Container

	cgroup  *cgroups.Cgroup // nil: none
	outside bool            // the process is moved into it, not cloned into it
	own     bool            // it was made for the process
}

// open opens the cgroup of the process, and finds out whether an init can
// live there.
func (p *place) open(paused bool) error {
	group, err := p.container.OpenCgroup()
	if err != nil {
		return err
	}
	if group == nil && p.container.Journal.Cgroup.Dir != "" {
		return p.container.CgroupGone(errors.New("cannot exec in a container that has stopped"))
	}
	if group == nil {
		if p.asked.Cgroup != "" {
			return errors.New("--cgroup: the container has no cgroup of its own")
		}
		return nil
	}
	p.cgroup = group
	if sub := p.asked.Cgroup; strings.Trim(sub, "/") != "" {
		if p.cgroup, err = group.Below(sub); err != nil {
			group.Close()
			return fmt.Errorf("--cgroup: %w", err)
		}
		group.Close()
	}
	frozen, err := p.cgroup.Frozen()
	if err != nil {
		return err
	}
	if (paused || frozen) && !p.asked.IgnorePaused {
		return errors.New("cannot exec in a paused container (use --ignore-paused to override)")
	}
	room, err := p.cgroup.PidsRoom()
	if err != nil {
		return err
	}
	if room == 0 {
		return errors.New("cannot exec: the container has as many processes and threads as pids.max allows")
	}
	p.outside = paused || frozen || room < initlink.RoomForInit
	if p.outside {
		return nil
	}
	// The kernel would make room by killing, and would choose the process that uses most.
	memory, err := p.cgroup.MemoryRoom(memoryForInit)
	p.outside = memory < memoryForInit && p.cgroup.MayEnter()
	return err
}

// makeOwn makes a cgroup for the process alone. It has no controllers but those that the container
// hands down itself, so that the container's own processes may stay beside it.
func (p *place) makeOwn() error {
	if p.cgroup == nil {
		return plan.InField("", fmt.Errorf("--timeout, --report: the %w, so its processes cannot be tracked", libcontainer.ErrNoCgroup))
	}
	name := "exec-" + strconv.Itoa(os.Getpid())
	group, err := p.cgroup.Sub(name)
	for n := 2; err == nil && len(group.Created) == 0; n++ { // of one with the same pid, that has left processes
		group.Close()
		group, err = p.cgroup.Sub(name + "-" + strconv.Itoa(n))
	}
	if err != nil {
		return fmt.Errorf("make a cgroup for the process: %w", err)
	}
	p.cgroup.Close()
	p.cgroup, p.own = group, true
	return nil
}

// removeOwn removes it, unless the process has left others behind: they
// are the container's, and so is their cgroup then.
func (p *place) removeOwn() {
	if !p.own {
		return
	}
	if populated, err := p.cgroup.Populated(); err == nil && !populated {
		p.cgroup.Delete([]string{p.cgroup.Path()})
	}
}

// moveInside moves the process into the cgroup that it could not be cloned into.
func (p *place) moveInside(pid int) error {
	err := p.cgroup.Add(pid)
	var refused unix.Errno
	if !errors.As(err, &refused) || !p.taken(refused) {
		return err
	}
	if err := p.useInitCgroup(err); err != nil {
		return err
	}
	return p.cgroup.Add(pid)
}

// taken reports whether the kernel let no process into the container's own cgroup, with
// that errno, because there are controllers at work in those below it.
func (p *place) taken(refused unix.Errno) bool {
	return !p.own && p.asked.Cgroup == "" && (refused == unix.EBUSY || refused == unix.EOPNOTSUPP)
}

// useInitCgroup: the container has put its processes into sub-cgroups, and
// handed controllers down; then no process may be in its own cgroup.
func (p *place) useInitCgroup(cause error) error {
	own, err := cgroups.Own(p.container.Journal.Init.PID)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(own, strings.TrimSuffix(p.cgroup.Path(), "/")+"/") {
		return fmt.Errorf("cgroup %q accepts no process, and init's %q is not below it: %w", p.cgroup.Path(), own, cause)
	}
	group, err := p.cgroup.Below(strings.TrimPrefix(own, p.cgroup.Path()))
	if err != nil {
		return err
	}
	p.cgroup.Close()
	p.cgroup = group
	return nil
}
