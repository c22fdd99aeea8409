package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// commands: create to delete, of a container that sleeps, while more and more
// others do.
func (b *bench) commands() error {
	sleepers := make(map[*peer]*crowd)
	set := b.set.runtimes()
	for _, p := range set {
		s := shape{config: "docker-run-v2.json", cgroup: b.cgroup(p, "life"), rootfs: p.bundle, args: []string{"sleep", "1000000"}}
		if err := writeBundle(p.bundle+"-life", s); err != nil {
			return err
		}
		sleepers[p] = &crowd{bench: b, peer: p}
		defer sleepers[p].end()
	}
	for _, alive := range b.alive {
		var able peers
		for _, p := range set {
			// The one that lives through its commands is alive too. What the
			// kernel has to look through are all that there are.
			if err := sleepers[p].grow((alive - 1) / len(set)); err != nil {
				skip(fmt.Sprintf("%s with %d alive", p.Name, alive), err)
				continue
			}
			able = append(able, p)
		}
		set = able
		held := b.turns(set, commands, func(p *peer, round string) ([]sample, error) {
			return p.life(p.bundle+"-life", "life"+round)
		})
		for i := range held {
			held[i].Alive = alive
		}
		b.add(held)
	}
	return nil
}

// A crowd is sleeping containers of one runtime.
type crowd struct {
	bench *bench
	peer  *peer
	pids  []string // their pid files
}

// grow makes the crowd as large as it is asked to be, unless that takes too long.
func (c *crowd) grow(size int) error {
	end := time.Now().Add(2 * c.bench.budget)
	for n := len(c.pids); n < size; n++ {
		if time.Now().After(end) {
			return fmt.Errorf("there are %d after %v", n, 2*c.bench.budget)
		}
		number := strconv.Itoa(n)
		dir := filepath.Join(c.bench.dir, "crowd", c.peer.Name, number)
		s := shape{
			config: "docker-run-v2.json", cgroup: c.bench.cgroup(c.peer, "alive"+number),
			rootfs: c.peer.bundle, args: []string{"sleep", "1000000"},
		}
		if err := writeBundle(dir, s); err != nil {
			return err
		}
		pidFile := filepath.Join(dir, "pid")
		if _, err := c.peer.time("run", "--detach", "--pid-file", pidFile, "--bundle", dir, "alive"+number); err != nil {
			return err
		}
		c.pids = append(c.pids, pidFile)
	}
	return nil
}

// end ends the crowd without its runtime, whose state goes with its tmpfs.
func (c *crowd) end() {
	for n, pidFile := range c.pids {
		cgroup := filepath.Join("/sys/fs/cgroup", c.bench.cgroup(c.peer, "alive"+strconv.Itoa(n)))
		err := os.WriteFile(filepath.Join(cgroup, "cgroup.kill"), []byte("1"), 0)
		if err == nil {
			err = reap(pidFile)
		}
		if err = errors.Join(err, unix.Rmdir(cgroup)); err != nil {
			fmt.Fprintln(os.Stderr, "bench: end a container:", err)
		}
	}
}

// A sandbox holds the namespaces that a pod's containers share.
type sandbox struct{ holder *exec.Cmd }

func newSandbox() (sandbox, error) {
	holder := exec.Command("sleep", "1000000")
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	return sandbox{holder}, holder.Start()
}

func (s sandbox) pid() int { return s.holder.Process.Pid }

func (s sandbox) end() {
	s.holder.Process.Kill()
	s.holder.Wait()
}
