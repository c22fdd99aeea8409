package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A peer is one runtime under measurement.
type peer struct {
	Name  string
	Path  string
	floor bool   // not a runtime: it can do nothing but run Docker's container
	uid   uint32 // of the ordinary user that calls it; 0: root

	null   *os.File
	root   string // its own --root
	bundle string // and bundle
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

// runtimes are the peers that are.
func (p peers) runtimes() peers {
	var able peers
	for _, one := range p {
		if !one.floor {
			able = append(able, one)
		}
	}
	return able
}

// A sample is one command, from spawning it until it is reaped.
type sample struct {
	wall time.Duration
	cpu  time.Duration // user and system time of the command and all it waited for
}

// command is a call of the runtime as an engine would make it.
func (p *peer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.Path, append([]string{"--root", p.root}, args...)...)
	cmd.Stdin, cmd.Stdout = p.null, p.null
	if p.uid != 0 {
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + p.root}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.uid}}
	}
	return cmd
}

// time runs one command and reports its cost. Its standard streams, which may
// become the container's, are a null device and a file, so that no copying disturbs
// the clock.
func (p *peer) time(args ...string) (sample, error) {
	cmd := p.command(args...)
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
		text, _ := os.ReadFile(stderr.Name())
		return sample{}, fmt.Errorf("%s %s: %w: %s", p.Name, args[0], err, bytes.TrimSpace(text))
	}
	state := cmd.ProcessState
	return sample{wall: wall, cpu: state.UserTime() + state.SystemTime()}, nil
}

// run runs one container to its end.
func (p *peer) run(bundle, id string) (sample, error) {
	s, err := p.time("run", "--bundle", bundle, id)
	if err != nil && !p.floor {
		p.command("delete", "--force", id).Run()
	}
	return s, err
}

// life has one container go through its life, command by command.
func (p *peer) life(bundle, id string) ([]sample, error) {
	pidFile := filepath.Join(p.root, id+".pid")
	defer os.Remove(pidFile)
	var costs []sample
	for _, args := range [][]string{
		{"create", "--bundle", bundle, "--pid-file", pidFile, id},
		{"state", id}, {"start", id}, {"exec", id, "true"}, {"kill", id, "KILL"}, {"delete", id},
	} {
		if args[0] == "delete" {
			if err := reap(pidFile); err != nil {
				return nil, err
			}
		}
		s, err := p.time(args...)
		if err != nil {
			p.command("delete", "--force", id).Run()
			return nil, err
		}
		costs = append(costs, s)
	}
	return costs, nil
}

// commands are the names of life's.
var commands = []string{"create", "state", "start", "exec", "kill", "delete"}

// reap waits for the process that a pid file names, a child of ours since its
// runtime has gone.
func reap(pidFile string) error {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return fmt.Errorf("read %s: %w", pidFile, err)
	}
	for {
		if _, err = unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			return os.NewSyscallError("wait4", err)
		}
	}
}
