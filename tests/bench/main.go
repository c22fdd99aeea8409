// Command bench compares what `run` costs with this runtime and with its peers.
//
// Every runtime runs the same bundle, Docker's default config.json around
// busybox true, in one interleaved series: in each round every runtime runs
// once, in rotating order. Milliseconds on a shared machine move by a third
// from one minute to the next, so what counts is the ratio between runtimes
// that met the same weather.
//
// The command must see cgroup v2 at /sys/fs/cgroup; tests/unified arranges that.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A peer is one runtime under measurement.
type peer struct {
	Name string
	Path string

	bundle string // its own bundle directory: same config, own cgroup
	root   string // its own --root
	cgroup string // the cgroup its container lives in, relative to the v2 root
}

type peers []*peer

func (p *peers) String() string { return "" }

// Set adds a peer given as name=path.
func (p *peers) Set(s string) error {
	name, path, ok := strings.Cut(s, "=")
	if !ok || name == "" || path == "" {
		return fmt.Errorf("want name=path, not %q", s)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Stat(abs); err != nil {
		return err
	}
	*p = append(*p, &peer{Name: name, Path: abs})
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var set peers
	flag.Var(&set, "peer", "runtime to measure, as name=`path`; the first one is ours")
	config := flag.String("config", "specconv/testdata/bundles/docker-run-v2.json", "config.json to run")
	budget := flag.Duration("time", 45*time.Second, "end the series after this long")
	rounds := flag.Int("rounds", 150, "end the series after so many rounds")
	parallel := flag.Int("parallel", 0, "also run this many at the same time")
	base := flag.String("base", "crun", "peer that the ratios refer to")
	limit := flag.Float64("limit", 0, "fail when our median exceeds this share of the base's")
	out := flag.String("json", "", "also write the result to this file")
	chart := flag.String("svg", "", "also draw the medians into this file")
	makeOnly := flag.String("bundle", "", "only write the bundle into this directory")
	flag.Parse()

	if *makeOnly != "" {
		return writeBundle(*makeOnly, *config, "/bench")
	}
	if len(set) == 0 {
		return fmt.Errorf("no -peer given")
	}
	dir, err := os.MkdirTemp("", "crun-go-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	unmount, err := stateTmpfs(dir)
	if err != nil {
		return err
	}
	defer unmount()
	if err := prepare(set, dir, *config); err != nil {
		return err
	}
	set, err = warm(set)
	if err != nil {
		return err
	}
	result := &result{Machine: machine(), Base: *base, Started: time.Now().UTC()}
	series := measure(set, *rounds, *budget)
	for i, p := range set {
		r := series[i].summary(p)
		if r.PeakKiB, err = peak(p); err != nil {
			fmt.Fprintf(os.Stderr, "skip memory of %s: %v\n", p.Name, err)
		}
		result.Peers = append(result.Peers, r)
	}
	if *parallel > 1 {
		for i, p := range set {
			if result.Peers[i].Parallel, err = together(p, *parallel, 25, dir, *config); err != nil {
				return err
			}
		}
		result.Together = *parallel
	}
	result.relate()
	result.print(os.Stdout)
	if *out != "" {
		text, err := json.MarshalIndent(result, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*out, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if *chart != "" {
		var drawn bytes.Buffer
		result.svg(&drawn)
		if err := os.WriteFile(*chart, drawn.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if ours := result.Peers[0]; *limit > 0 && ours.Ratio > *limit {
		return fmt.Errorf("median of %s is %.2f of %s, the limit is %.2f", ours.Name, ours.Ratio, *base, *limit)
	}
	return nil
}

// stateTmpfs mounts a tmpfs for the peers' state, as /run is on users' machines.
func stateTmpfs(dir string) (unmount func(), err error) {
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", run, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=700"); err != nil {
		return nil, fmt.Errorf("mount a tmpfs on %s: %w", run, err)
	}
	return func() { unix.Unmount(run, unix.MNT_DETACH) }, nil
}

// prepare makes one bundle per peer: equal but for the cgroup, so that no peer
// meets another one's leftovers.
func prepare(set peers, dir, config string) error {
	for _, p := range set {
		p.bundle = filepath.Join(dir, p.Name)
		p.root = filepath.Join(dir, "run", p.Name)
		p.cgroup = "/bench-" + p.Name + "-" + fmt.Sprint(os.Getpid())
		if err := writeBundle(p.bundle, config, p.cgroup); err != nil {
			return err
		}
	}
	return nil
}

// warm runs every peer three times, so that no file is read from disk during
// the series, and drops the peers that cannot run the bundle here.
func warm(set peers) (peers, error) {
	var able peers
	for i, p := range set {
		var err error
		for n := 0; n < 3 && err == nil; n++ {
			_, err = p.once("warm")
		}
		switch {
		case err == nil:
			able = append(able, p)
		case i == 0:
			return nil, err
		default:
			fmt.Fprintf(os.Stderr, "skip %s: %v\n", p.Name, err)
		}
	}
	return able, nil
}

func machine() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		release = []byte("unknown")
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-") // the rest names the distributor's build
	return fmt.Sprintf("linux %s, %d cpus, %s", version, runtime.NumCPU(), runtime.GOARCH)
}
