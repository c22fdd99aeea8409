// Command bench compares what this runtime's commands cost with what its peers'
// do.
//
// Every runtime does the same with the same bundle, Docker's default config.json
// (and Kubernetes', for run) around busybox, in interleaved rounds, of which
// every runtime is the first in turn. Milliseconds on a shared machine move by a
// third from one minute to the next, so what counts is the ratio between
// runtimes that met the same weather.
//
// The command must see cgroup v2 at /sys/fs/cgroup; tests/env/unified arranges that.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const bundles = "specconv/testdata/bundles/"

// A bench is one comparison. What it makes is below dir.
type bench struct {
	set    peers
	dir    string
	null   *os.File // standard input and output of the peers
	rounds int
	budget time.Duration // of one contest
	alive  []int
	result result
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	b := bench{alive: []int{1, 100, 1000}}
	flag.Var(&b.set, "peer", "runtime to measure, as name=`path`; the first one is ours")
	floor := flag.String("floor", "", "also measure the program at `path`, which only runs Docker's container")
	flag.DurationVar(&b.budget, "time", 30*time.Second, "end every contest after this long")
	flag.IntVar(&b.rounds, "rounds", 200, "end every contest after so many rounds")
	flag.Func("alive", "so many containers are there meanwhile, in equal parts of each runtime (1,100,1000)", b.setAlive)
	contests := flag.String("contests", "run,kubernetes,user,rootless,mounts,commands,together,memory", "what to compare")
	flag.StringVar(&b.result.Base, "base", "crun", "peer that the ratios refer to")
	out := flag.String("json", "", "also write the result to this file")
	chart := flag.String("svg", "", "also draw it into this file")
	makeOnly := flag.String("bundle", "", "only write Docker's bundle into this directory")
	flag.Parse()

	if *makeOnly != "" {
		return writeBundle(*makeOnly, shape{config: "docker-run-v2.json", cgroup: "/bench"})
	}
	if len(b.set) == 0 {
		return fmt.Errorf("no -peer given")
	}
	if *floor != "" {
		b.set = append(b.set, &peer{Name: "floor", Path: *floor, floor: true})
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "crun-go-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	// Containers' users pass through.
	if err := os.Chmod(b.dir, 0o711); err != nil {
		return err
	}
	if b.null, err = ownNull(b.dir); err != nil {
		return err
	}
	unmount, err := stateTmpfs(b.dir)
	if err != nil {
		return err
	}
	defer unmount()
	// Whoever waits for a container reaps it.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	b.result.Machine, b.result.Started = machine(), time.Now().UTC()
	if err := b.compare(strings.Split(*contests, ",")); err != nil {
		return err
	}
	b.result.relate()
	b.result.print(os.Stdout)
	return b.write(*out, *chart)
}

// compare holds the contests that are asked for.
func (b *bench) compare(contests []string) error {
	if err := b.warm(); err != nil {
		return err
	}
	for _, one := range []struct {
		name string
		hold func() error
	}{
		{"run", b.runDocker}, {"kubernetes", b.runKubernetes}, {"user", b.runUser}, {"rootless", b.runRootless}, {"mounts", b.runMounts},
		{"commands", b.commands}, {"together", b.together}, {"memory", b.memory},
	} {
		if !slices.Contains(contests, one.name) {
			continue
		}
		if err := one.hold(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) setAlive(list string) error {
	b.alive = nil
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 0 {
			return fmt.Errorf("want numbers with commas between, not %q", list)
		}
		b.alive = append(b.alive, n)
	}
	return nil
}

// write puts the result where it was asked for.
func (b *bench) write(out, chart string) error {
	if out != "" {
		text, err := json.MarshalIndent(b.result, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if chart == "" {
		return nil
	}
	return os.WriteFile(chart, b.result.svg(), 0o644)
}

// skip says what is not measured, and why.
func skip(what string, why error) { fmt.Fprintf(os.Stderr, "skip %s: %v\n", what, why) }

// ownNull makes a null device: runtimes give standard streams to the container's user.
func ownNull(dir string) (*os.File, error) {
	path := filepath.Join(dir, "null")
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		return nil, &os.PathError{Op: "mknod", Path: path, Err: err}
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

// stateTmpfs mounts a tmpfs for the peers' state, as /run is on users' machines.
func stateTmpfs(dir string) (unmount func(), err error) {
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o711); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", run, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=711"); err != nil {
		return nil, fmt.Errorf("mount a tmpfs on %s: %w", run, err)
	}
	return func() { unix.Unmount(run, unix.MNT_DETACH) }, nil
}

func machine() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		release = []byte("unknown")
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-") // the rest names the distributor's build
	return fmt.Sprintf("linux %s, %d cpus, %s", version, runtime.NumCPU(), runtime.GOARCH)
}
