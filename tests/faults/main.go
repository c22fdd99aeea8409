// Command faults makes the system calls of a container runtime fail, and kills
// it at them, one by one, and judges what comes of it.
//
// After exit code 0 the container has to describe itself exactly as without the
// fault. After another one there has to be one line with the errno, what the
// command made has to be gone, and delete --force has to leave nothing; that
// also after the runtime, its init or both were killed. docs/faults.md has what
// came of it.
//
//	faults [-runtime PATH] [-probe PATH] [-sample] [-only SCENARIO,...] [-call NAME,...]
//	       [-every N] [-jobs N] [-out FILE] [-accepted FILE]
//	faults [-runtime PATH] -watch STATE-DIRECTORY CONFIG COMMAND [ARG...] [, COMMAND...]
//
// With -watch nothing fails: init is stopped at each of its system calls, and what it is
// and holds is compared with the security model (libcontainer/initproc/model).
//
// It needs root, and a sandbox (tests/env/sandbox).
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

var probePath string

func main() {
	do := run
	if os.Args[0] == "criu" {
		do = standIn
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run() error {
	s := sweep{}
	flag.StringVar(&s.runtime, "runtime", "./crun-go", "`path` of the runtime")
	flag.StringVar(&probePath, "probe", "tests/.build/probe", "`path` of the program that describes itself")
	flag.BoolVar(&s.sample, "sample", false, "of each process and command each call once, with one errno and one kill")
	flag.StringVar(&s.only, "only", "", "nothing but these scenarios, with commas between")
	flag.StringVar(&s.call, "call", "", "nothing but these system calls, with commas between")
	flag.IntVar(&s.every, "every", 1, "of the points every so-manieth")
	flag.IntVar(&s.jobs, "jobs", runtime.NumCPU(), "so many at once")
	flag.StringVar(&s.out, "out", "", "write a line for each point to this `file`")
	flag.StringVar(&s.accepted, "accepted", "", "fail at what is not as it should be, but for what this `file` lists")
	flag.DurationVar(&s.limit, "limit", 10*time.Second, "what takes longer hangs")
	looks := flag.Int("looks", 3, "find out by so many unharmed runs what a command comes to")
	cgroup := flag.String("worker", "", "be a worker, with containers in cgroups below this `directory`")
	watch := flag.Bool("watch", false, "compare init with the model: state directory, config.json, and commands with a comma between")
	flag.Parse()
	var err error
	if s.runtime, err = exec.LookPath(s.runtime); err != nil {
		return err
	}
	if s.runtime, err = filepath.Abs(s.runtime); err != nil {
		return err
	}
	if probePath, err = filepath.Abs(probePath); err != nil {
		return err
	}
	if *cgroup != "" {
		return work(s.runtime, *cgroup, s.limit, *looks)
	}
	if *watch {
		return watchMain(s.runtime)
	}
	if os.Getenv("CRUN_GO_SANDBOX") == "" {
		return fmt.Errorf("run it through tests/env/sandbox")
	}
	s.looks = *looks
	return s.run()
}
