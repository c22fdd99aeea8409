package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// A sample is one `run`, from spawning the runtime until it is reaped.
type sample struct {
	wall time.Duration
	cpu  time.Duration // user and system time of the runtime and all it waited for
}

// A samples is one peer's series, in the order of the rounds.
type samples []sample

// command is the `run` of one container as an engine would call it.
func (p *peer) command(id string) *exec.Cmd {
	return exec.Command(p.Path, "--root", p.root, "run", "--bundle", p.bundle, id)
}

// once runs one container and reports its cost. The container's standard
// streams are /dev/null and a file, so that no copying disturbs the clock.
func (p *peer) once(id string) (sample, error) {
	cmd := p.command(id)
	stderr, err := os.CreateTemp("", "crun-go-bench-stderr-")
	if err != nil {
		return sample{}, err
	}
	defer stderr.Close()
	defer os.Remove(stderr.Name())
	cmd.Stderr = stderr
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		exec.Command(p.Path, "--root", p.root, "delete", "--force", id).Run()
		text, _ := os.ReadFile(stderr.Name())
		return sample{}, fmt.Errorf("%s run: %w: %s", p.Name, err, bytes.TrimSpace(text))
	}
	state := cmd.ProcessState
	return sample{wall: wall, cpu: state.UserTime() + state.SystemTime()}, nil
}

// measure runs the interleaved series. The peer that goes first changes with
// every round: whoever follows a slow runtime would otherwise always meet the
// same tail of its teardown in the kernel.
func measure(set peers, rounds int, budget time.Duration) []samples {
	series := make([]samples, len(set))
	end := time.Now().Add(budget)
	for round := 0; round < rounds && (round < 5 || time.Now().Before(end)); round++ {
		for k := range set {
			i := (round + k) % len(set)
			s, err := set[i].once("bench" + strconv.Itoa(round))
			if err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				continue
			}
			series[i] = append(series[i], s)
		}
	}
	return series
}

// together runs n containers side by side, each runner doing repeat runs after
// one another, and returns the time per container.
func together(p *peer, n, repeat int, dir, config string) (float64, error) {
	copies := make(peers, n)
	for k := range copies {
		copies[k] = &peer{Name: p.Name + "-" + strconv.Itoa(k), Path: p.Path}
	}
	if err := prepare(copies, dir, config); err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	errs := make([]error, n)
	start := time.Now()
	for k, c := range copies {
		wait.Go(func() {
			for r := 0; r < repeat && errs[k] == nil; r++ {
				_, errs[k] = c.once("p" + strconv.Itoa(r))
			}
		})
	}
	wait.Wait()
	each := time.Since(start).Seconds() * 1000 / float64(n*repeat)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return each, nil
}
