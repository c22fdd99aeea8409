package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// warm prepares the peers and has every one run three times, so that no file is
// read from disk during a contest. It drops those that can't run the bundle here.
func (b *bench) warm() error {
	var able peers
	for i, p := range b.set {
		p.null, p.root, p.bundle = b.null, filepath.Join(b.dir, "run", p.Name), filepath.Join(b.dir, p.Name)
		err := writeBundle(p.bundle, shape{config: "docker-run-v2.json", cgroup: b.cgroup(p, "0"), programs: p.floor})
		for n := 0; n < 3 && err == nil; n++ {
			_, err = p.run(p.bundle, "warm")
		}
		switch {
		case err == nil:
			able = append(able, p)
		case i == 0:
			return err
		default:
			skip(p.Name, err)
		}
	}
	b.set = able
	return nil
}

// cgroup is a cgroup for one runtime: none meets another one's leftovers.
func (b *bench) cgroup(p *peer, n string) string {
	return fmt.Sprintf("/bench-%d-%s-%s", os.Getpid(), p.Name, n)
}

// turns has every runtime act once a round. The first changes with every round: the
// successor of a slow runtime would otherwise always meet the same tail of its teardown
// in the kernel. An act has a cost for each of the names.
func (b *bench) turns(set peers, names []string, act func(p *peer, round string) ([]sample, error)) []contest {
	series := make([][][]sample, len(names))
	for i := range series {
		series[i] = make([][]sample, len(set))
	}
	failed := make([]bool, len(set))
	end := time.Now().Add(b.budget)
	for round := 0; round < b.rounds && (round < 5 || time.Now().Before(end)); round++ {
		for k := range set {
			i := (round + k) % len(set)
			if failed[i] {
				continue
			}
			costs, err := act(set[i], strconv.Itoa(round))
			if err != nil {
				skip(fmt.Sprintf("%s from round %d of %s", set[i].Name, round, names[0]), err)
				failed[i] = true
				continue
			}
			for name, cost := range costs {
				series[name][i] = append(series[name][i], cost)
			}
		}
	}
	var held []contest
	for name, runs := range series {
		c := contest{Operation: names[name]}
		for i, p := range set {
			if len(runs[i]) > 0 {
				c.Peers = append(c.Peers, summarise(p, runs[i]))
			}
		}
		held = append(held, c)
	}
	return held
}

// runDocker: run, of Docker's default container.
func (b *bench) runDocker() error {
	b.add(b.turns(b.set, []string{"run"}, func(p *peer, round string) ([]sample, error) {
		s, err := p.run(p.bundle, "run"+round)
		return []sample{s}, err
	}))
	return nil
}

// runKubernetes: run, of a pod's container, in the namespaces of its sandbox.
func (b *bench) runKubernetes() error {
	sandbox, err := newSandbox()
	if err != nil {
		return err
	}
	defer sandbox.end()
	set := b.set.runtimes()
	bundle := func(p *peer) string { return p.bundle + "-kubernetes" }
	for _, p := range set {
		s := shape{config: "cri2-container.json", cgroup: b.cgroup(p, "k"), sandbox: sandbox.pid()}
		if err := writeBundle(bundle(p), s); err != nil {
			return err
		}
	}
	b.add(b.turns(set, []string{"run (pod)"}, func(p *peer, round string) ([]sample, error) {
		s, err := p.run(bundle(p), "pod"+round)
		return []sample{s}, err
	}))
	return nil
}

// runUser: run, of Docker's container in a user namespace.
func (b *bench) runUser() error {
	set := b.set.runtimes()
	bundle := func(p *peer) string { return p.bundle + "-user" }
	for _, p := range set {
		if err := writeBundle(bundle(p), shape{config: "docker-run-v2.json", cgroup: b.cgroup(p, "u"), ids: 100000}); err != nil {
			return err
		}
	}
	b.add(b.turns(set, []string{"run (user namespace)"}, func(p *peer, round string) ([]sample, error) {
		s, err := p.run(bundle(p), "user"+round)
		return []sample{s}, err
	}))
	return nil
}

// runRootless: run by an ordinary user, of Docker's container without a cgroup.
func (b *bench) runRootless() error {
	var set peers
	for _, p := range b.set.runtimes() {
		user := *p
		user.uid, user.root, user.bundle = 65534, p.root+"-rootless", p.bundle+"-rootless"
		if err := os.Mkdir(user.root, 0o700); err != nil {
			return err
		}
		if err := os.Chown(user.root, int(user.uid), int(user.uid)); err != nil {
			return err
		}
		if err := writeBundle(user.bundle, shape{config: "docker-run-v2.json", ids: user.uid, rootless: true}); err != nil {
			return err
		}
		set = append(set, &user)
	}
	b.add(b.turns(set, []string{"run (rootless)"}, func(p *peer, round string) ([]sample, error) {
		s, err := p.run(p.bundle, "rootless"+round)
		return []sample{s}, err
	}))
	return nil
}

// runMounts: run, with ever more mounts on the host.
func (b *bench) runMounts() error {
	done := make(chan error)
	go func() {
		// The mounts are this thread's and its children's, and end with it.
		runtime.LockOSThread()
		done <- b.amongMounts()
	}()
	return <-done
}

func (b *bench) amongMounts() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	set := b.set.runtimes()
	there := 0
	for _, mounts := range []int{1, 1000, 5000} {
		for ; there < mounts; there++ {
			dir := filepath.Join(b.dir, "mounts", strconv.Itoa(there))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
				return fmt.Errorf("mount on %s: %w", dir, err)
			}
		}
		held := b.turns(set, []string{"run"}, func(p *peer, round string) ([]sample, error) {
			s, err := p.run(p.bundle, "mounts"+round)
			return []sample{s}, err
		})
		held[0].Mounts = mounts
		b.add(held)
	}
	return nil
}

// together: run, several at a time. Times are per container.
func (b *bench) together() error {
	for _, n := range []int{8, 32} {
		for _, p := range b.set {
			for k := range n {
				s := shape{config: "docker-run-v2.json", cgroup: b.cgroup(p, strconv.Itoa(k)), programs: p.floor, rootfs: p.bundle}
				if err := writeBundle(filepath.Join(b.dir, "together", p.Name, strconv.Itoa(k)), s); err != nil {
					return err
				}
			}
		}
		held := b.turns(b.set, []string{"run"}, func(p *peer, round string) ([]sample, error) {
			each, err := b.atOnce(p, n, round)
			return []sample{each}, err
		})
		for i := range held {
			held[i].Together = n
		}
		b.add(held)
	}
	return nil
}

// atOnce runs n containers side by side, each runner two after one another.
func (b *bench) atOnce(p *peer, n int, round string) (sample, error) {
	const repeat = 2
	var (
		wait  sync.WaitGroup
		costs = make([]sample, n)
		errs  = make([]error, n)
		start = time.Now()
	)
	for k := range n {
		wait.Go(func() {
			id := strconv.Itoa(k)
			for r := 0; r < repeat && errs[k] == nil; r++ {
				var s sample
				s, errs[k] = p.run(filepath.Join(b.dir, "together", p.Name, id), "t"+round+"-"+id)
				costs[k].cpu += s.cpu
			}
		})
	}
	wait.Wait()
	each := sample{wall: time.Since(start) / time.Duration(n*repeat)}
	for k, err := range errs {
		if err != nil {
			return each, err
		}
		each.cpu += costs[k].cpu / time.Duration(n*repeat)
	}
	return each, nil
}
