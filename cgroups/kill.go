package cgroups

import (
	"errors"

	"golang.org/x/sys/unix"
)

// killRounds bounds the fallback of Kill. Frozen processes cannot fork, so one
// round is enough unless another process moves processes in meanwhile.
const killRounds = 16

// Kill sends SIGKILL to every process in the cgroup and below, also to those
// that are being forked. It does not wait for them to die. A cgroup that is
// gone has nothing to kill.
func (p *processes) Kill() error {
	err := writeAt(p.fd, "cgroup.kill", "1")
	if err == nil {
		return nil
	}
	if err != unix.ENOENT && err != unix.EOPNOTSUPP {
		return p.killError(p.pathError("write", "cgroup.kill", err))
	}
	return p.killError(p.killEach()) // Linux before 5.14, or p is threaded
}

func (p *processes) killError(err error) error {
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

// killEach freezes the cgroup, so that nothing can fork, and signals what is
// there. A v2 freezer lets SIGKILL through.
func (p *processes) killEach() error {
	frozen, err := p.Frozen()
	if err != nil {
		return err
	}
	if !frozen {
		if err := writeAt(p.fd, "cgroup.freeze", "1"); err != nil {
			return p.pathError("write", "cgroup.freeze", err)
		}
		defer p.Thaw()
	}
	hit := make(map[int]bool)
	for range killRounds {
		pids, err := p.Procs()
		if err != nil {
			return err
		}
		fresh := false
		for _, pid := range pids {
			if hit[pid] {
				continue
			}
			hit[pid], fresh = true, true
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
	return &NotEmptyError{p.path, len(hit)}
}
