package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// peak reports the largest resident set, in KiB, of any process of the
// runtime's tree during `run`, as wait4 tells it, median of seven runs.
//
// The runtime cannot be a child of this process for that: a child's maximum
// starts with the resident set of the process that made it (the kernel carries
// it over execve), and that of a Go program is larger than the runtime's.
// busybox time is smaller than either.
func peak(p *peer, dir string) (int, error) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return 0, err
	}
	unit, err := peakUnit(busybox, dir)
	if err != nil {
		return 0, err
	}
	var seen []float64
	for n := range 7 {
		run := p.command("peak" + strconv.Itoa(n))
		kib, err := busyboxPeak(busybox, dir, run.Args...)
		if err != nil {
			return 0, err
		}
		seen = append(seen, kib/unit)
	}
	return int(quantile(seen, 0.5)), nil
}

// calibrated is the memory that the calibrate mode touches.
const calibrated = 64 << 20

// calibrate touches a known amount of memory: see peakUnit.
func calibrate() {
	block := make([]byte, calibrated)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	fmt.Println(block[4096])
}

// peakUnit finds out what busybox time calls a kilobyte: many releases take
// ru_maxrss, which Linux counts in KiB, for pages and report four times as much.
func peakUnit(busybox, dir string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	kib, err := busyboxPeak(busybox, dir, self, "calibrate")
	if err != nil {
		return 0, err
	}
	if kib > 2*calibrated/1024 {
		return 4, nil
	}
	return 1, nil
}

func busyboxPeak(busybox, dir string, args ...string) (float64, error) {
	report := filepath.Join(dir, "peak")
	cmd := exec.Command(busybox, append([]string{"time", "-f", "%M", "-o", report}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("busybox time: %w: %s", err, bytes.TrimSpace(out))
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
}
