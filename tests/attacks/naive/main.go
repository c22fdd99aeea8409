// Command naive is a container runtime that makes the mistakes of the published
// CVEs, one for each comment that names one. The suites beside it are run with it
// as RUNTIME to show that their attacks work: each of them has to succeed. It
// does nothing else right or well; never use it for anything but that.
//
//	naive --root DIR create|run|start|exec|state|delete [FLAG...] ID [ARG...]
//	naive --root DIR mounts add ID FILE
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A call is a command line.
type call struct {
	root, bundle, cwd, user string
	caps                    []string
	id                      string
	args                    []string
}

func main() {
	runtime.LockOSThread() // namespaces and credentials are a thread's
	if err := dispatch(os.Args[1:]); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(max(exit.ExitCode(), 1))
		}
		fmt.Fprintln(os.Stderr, "naive:", err)
		os.Exit(1)
	}
}

func dispatch(words []string) error {
	if len(words) == 3 && words[0] == "init" {
		return initialize(words[1], words[2])
	}
	if len(words) > 3 && words[0] == "enter" {
		return enter(words[1], words[2], words[3:])
	}
	if len(words) == 1 && words[0] == "--version" {
		fmt.Println("naive, with krun's mistakes: +LIBKRUN")
		return nil
	}
	c, command := parse(words)
	switch command {
	case "create":
		_, err := c.create(filepath.Join(c.dir(), "fifo"))
		return err
	case "run":
		cmd, err := c.create("")
		if err == nil {
			err = cmd.Wait()
		}
		return err
	case "start":
		return os.WriteFile(filepath.Join(c.dir(), "fifo"), []byte("x"), 0)
	case "exec":
		return c.exec()
	case "mounts":
		return c.addMounts()
	case "state":
		pid, err := c.pid()
		status := "stopped"
		if unix.Kill(pid, 0) == nil {
			status = "running"
		}
		fmt.Printf("{\"id\": %q, \"pid\": %d, \"status\": %q}\n", c.id, pid, status)
		return err
	case "delete":
		if pid, err := c.pid(); err == nil {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		return os.RemoveAll(c.dir())
	}
	return fmt.Errorf("no command %q", command)
}

func parse(words []string) (c call, command string) {
	set := map[string]*string{"--root": &c.root, "--bundle": &c.bundle, "--cwd": &c.cwd, "--user": &c.user, "-u": &c.user,
		"--console-socket": new(string), "--pid-file": new(string)}
	for len(words) > 0 {
		name, value, split := strings.Cut(words[0], "=")
		switch into := set[name]; {
		case into != nil && split:
			*into = value
		case into != nil && len(words) > 1:
			*into, words = words[1], words[1:]
		case (name == "--cap" || name == "-c") && len(words) > 1:
			c.caps, words = append(c.caps, words[1]), words[1:]
		case strings.HasPrefix(name, "-"):
		case command == "":
			command = name
		default:
			c.id, c.args = words[0], words[1:]
			return c, command
		}
		words = words[1:]
	}
	return c, command
}

// dir is made of whatever the id is.
func (c *call) dir() string { return filepath.Join(c.root, c.id) }

func (c *call) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.dir(), "pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

var cloneFlags = map[specs.LinuxNamespaceType]uintptr{
	specs.PIDNamespace: unix.CLONE_NEWPID, specs.NetworkNamespace: unix.CLONE_NEWNET, specs.MountNamespace: unix.CLONE_NEWNS,
	specs.IPCNamespace: unix.CLONE_NEWIPC, specs.UTSNamespace: unix.CLONE_NEWUTS, specs.CgroupNamespace: unix.CLONE_NEWCGROUP,
	specs.UserNamespace: unix.CLONE_NEWUSER,
}

func load(bundle string) (*specs.Spec, error) {
	text, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	spec := new(specs.Spec)
	return spec, json.Unmarshal(text, spec)
}

// create starts init and waits until it is ready. Init runs from the binary on
// disk (CVE-2019-5736), dumpable (CVE-2016-9962), with the host's environment and
// every descriptor that the caller or this process has open (CVE-2024-21626).
func (c *call) create(fifo string) (*exec.Cmd, error) {
	spec, err := load(c.bundle)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.dir(), 0o700); err != nil {
		return nil, err
	}
	if fifo != "" {
		if err := unix.Mkfifo(fifo, 0o622); err != nil {
			return nil, err
		}
	}
	if _, err := unix.Open("/sys/fs/cgroup", unix.O_RDONLY, 0); err != nil {
		return nil, err
	}
	ready, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe", "init", c.bundle, fifo)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Stdin, os.Stdout, os.Stderr, []*os.File{told}
	cmd.SysProcAttr = &unix.SysProcAttr{}
	for _, ns := range spec.Linux.Namespaces {
		if ns.Path == "" {
			cmd.SysProcAttr.Cloneflags |= cloneFlags[ns.Type]
			continue
		}
		path := ns.Path[:len(ns.Path)&0xffff] // as a netlink attribute has it (CVE-2021-43784)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		if err := unix.Setns(fd, 0); err != nil {
			return nil, err
		}
	}
	for _, m := range spec.Linux.UIDMappings {
		entry := unixMap{ContainerID: int(m.ContainerID), HostID: int(m.HostID), Size: int(m.Size)}
		cmd.SysProcAttr.UidMappings = append(cmd.SysProcAttr.UidMappings, entry)
		cmd.SysProcAttr.GidMappings = append(cmd.SysProcAttr.GidMappings, entry)
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
		cmd.SysProcAttr.Credential = &unixCredential{}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(c.dir(), "pid"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return nil, err
	}
	told.Close()
	if n, _ := ready.Read(make([]byte, 1)); n != 1 {
		return nil, errors.Join(errors.New("init failed"), cmd.Wait())
	}
	return cmd, nil
}
