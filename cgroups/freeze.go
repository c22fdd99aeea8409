package cgroups

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// freezeTimeout bounds how long Freeze waits. A process freezes on its way out
// of the kernel, which one in an uninterruptible sleep does not take.
const freezeTimeout = 10 * time.Second

var errTimeout = errors.New("timed out")

// Freeze stops all processes in the cgroup and below and returns when all of
// them have stopped. If they do not in time, or at all, it thaws them again.
func (p *processes) Freeze() error { return p.freeze(freezeTimeout) }

func (p *processes) freeze(limit time.Duration) error {
	if err := writeAt(p.fd, "cgroup.freeze", "1"); err != nil {
		return p.pathError("write", "cgroup.freeze", err)
	}
	err := p.waitFrozen(time.Now().Add(limit))
	if err == nil || errors.Is(err, errThawed) {
		return err
	}
	if errors.Is(err, errTimeout) {
		err = &reason{fmt.Sprintf("%s did not stop within %v", p.busy("/proc"), limit), errTimeout}
	}
	return fmt.Errorf("freeze %q: %w", p.Dir(), errors.Join(err, p.Thaw()))
}

var errThawed = errors.New("it was thawed meanwhile")

// waitFrozen returns when all processes have stopped. The kernel notifies of that, but not
// of another process that thaws the cgroup before: waitFrozen polls for that.
func (p *processes) waitFrozen(deadline time.Time) error {
	for look := 20 * time.Millisecond; ; look = min(2*look, 500*time.Millisecond) {
		until := time.Now().Add(look)
		if until.After(deadline) {
			until = deadline
		}
		err := p.waitEvent("frozen", 1, until)
		if !errors.Is(err, errTimeout) {
			return err
		}
		wanted, readErr := p.read("cgroup.freeze")
		if readErr != nil {
			return readErr
		}
		if string(wanted) == "0\n" {
			return fmt.Errorf("freeze %q: %w", p.Dir(), errThawed)
		}
		if !until.Before(deadline) {
			return err
		}
	}
}

// busy names the processes that are not asleep, of which those that were to
// freeze are: what runs, or waits for a disk or a server where no signal reaches
// it. proc is the mount of procfs.
func (p *processes) busy(proc string) string {
	pids, err := p.Procs()
	if err != nil {
		return "processes"
	}
	var names []string
	for _, pid := range pids {
		dir := proc + "/" + itoa(pid) + "/task"
		threads, _ := os.ReadDir(dir)
		for _, t := range threads {
			stat, err := retry.ReadFile(dir + "/" + t.Name() + "/stat")
			// "42 (command) D ...", see proc_pid_stat(5)
			end := bytes.LastIndexByte(stat, ')')
			if err == nil && end >= 0 && len(stat) > end+2 && (stat[end+2] == 'D' || stat[end+2] == 'R') {
				names = append(names, fmt.Sprintf("%s, state %c,", stat[:end+1], stat[end+2]))
			}
		}
	}
	if len(names) == 0 {
		return "processes"
	}
	return "thread " + strings.Join(names, " and ")
}

// Thaw lets the processes in the cgroup and below run again, unless a cgroup
// above is frozen.
func (p *processes) Thaw() error {
	if err := writeAt(p.fd, "cgroup.freeze", "0"); err != nil {
		return p.pathError("write", "cgroup.freeze", err)
	}
	return nil
}

// Frozen reports whether all processes are stopped, directly or through an ancestor.
func (p *processes) Frozen() (bool, error) { return p.event("frozen") }

// Runs is ErrFrozen if p or one above it is being frozen. A process that was put into
// p keeps cgroup.events from saying so until it has stopped.
func (p *processes) Runs() error {
	_, err := p.room(func(level *dir) (uint64, bool, error) {
		b, err := readAt(level.fd, "cgroup.freeze")
		switch {
		case err == unix.ENOENT: // Linux before 5.2
			return Max, false, nil
		case err != nil:
			return Max, false, level.pathError("read", "cgroup.freeze", err)
		case strings.TrimSpace(string(b)) != "0":
			return Max, false, fmt.Errorf("create %q: %w", p.Dir(), ErrFrozen)
		}
		return Max, true, nil
	})
	return err
}

// Populated reports whether the cgroup or one below it has processes.
func (d *dir) Populated() (bool, error) { return d.event("populated") }

func (d *dir) event(key string) (bool, error) {
	b, err := d.read("cgroup.events")
	if err != nil {
		return false, err
	}
	n, ok := flatKey(b, key)
	if !ok {
		return false, d.parseError("cgroup.events", b)
	}
	return n != 0, nil
}

// waitEvent returns when key of cgroup.events reads want. The kernel wakes
// poll(2) of the file with POLLPRI at every change; what it wakes for is read
// from the start again.
func (d *dir) waitEvent(key string, want uint64, deadline time.Time) error {
	const file = "cgroup.events"
	fd, err := openAt(d.fd, file, unix.O_RDONLY)
	if err != nil {
		return d.pathError("open", file, err)
	}
	defer unix.Close(fd)
	var buf [128]byte
	for {
		n, err := retry.Pread(fd, buf[:], 0)
		if err != nil {
			return d.pathError("read", file, err)
		}
		got, ok := flatKey(buf[:n], key)
		if !ok {
			return d.parseError(file, buf[:n])
		}
		if got == want {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("wait for %s %s in %q: %w", key, strconv.FormatUint(want, 10), d.Dir(), errTimeout)
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if _, err := retry.Poll(fds, left); err != nil {
			return d.pathError("poll", file, err)
		}
	}
}
