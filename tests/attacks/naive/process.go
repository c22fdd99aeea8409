package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var capNumbers = map[string]uint{
	"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_KILL": unix.CAP_KILL, "CAP_SETGID": unix.CAP_SETGID,
	"CAP_SETUID": unix.CAP_SETUID, "CAP_NET_RAW": unix.CAP_NET_RAW, "CAP_MKNOD": unix.CAP_MKNOD, "CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE,
	"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH, "CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT,
}

// become executes a program as the process asks: as the user that passwd has by that name
// (CVE-2016-3697), and with every capability inheritable (CVE-2022-29162). It waits for
// start without privileges, where any process with the same ids can trace it
// (CVE-2016-9962).
func become(p *specs.Process, args []string, waiting int) error {
	uid := int(p.User.UID)
	passwd, _ := os.ReadFile("/etc/passwd")
	for line := range strings.Lines(string(passwd)) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[0] == strconv.Itoa(uid) {
			uid, _ = strconv.Atoi(f[2])
		}
	}
	var keep uint64
	if p.Capabilities != nil {
		for _, name := range p.Capabilities.Bounding {
			keep |= 1 << capNumbers[name]
		}
	}
	for c := range uintptr(64) {
		if keep&(1<<c) == 0 {
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		}
	}
	_ = unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
	if err := errors.Join(unix.Setgroups(nil), unix.Setgid(int(p.User.GID)), unix.Setuid(uid)); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	low, high := uint32(keep), uint32(keep>>32)
	data := [2]unix.CapUserData{{Effective: low, Permitted: low, Inheritable: low}, {Effective: high, Permitted: high, Inheritable: high}}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	if p.NoNewPrivileges {
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	if waiting >= 0 {
		if _, err := unix.Read(waiting, make([]byte, 1)); err != nil {
			return err
		}
	}
	path := args[0]
	for _, dir := range []string{"/bin", "/usr/bin"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil && !strings.Contains(path, "/") {
			path = filepath.Join(dir, path)
		}
	}
	return fmt.Errorf("exec %s: %w", path, unix.Exec(path, args, p.Env))
}

// exec joins the container, and there runs this binary once more, from the disk,
// for all to see (CVE-2016-9962, CVE-2019-5736).
func (c *call) exec() error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	proc := fmt.Sprintf("/proc/%d/", pid)
	self, err := unix.Open("/proc/self/exe", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	root, err := unix.Open(proc+"root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	var namespaces []int
	for _, name := range []string{"ipc", "uts", "net", "cgroup", "pid", "mnt"} {
		fd, err := unix.Open(proc+"ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		namespaces = append(namespaces, fd)
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	for _, fd := range namespaces {
		if err := unix.Setns(fd, 0); err != nil {
			return err
		}
	}
	if err := errors.Join(unix.Fchdir(root), unix.Chroot(".")); err != nil {
		return err
	}
	uid := 0
	_, _ = fmt.Sscan(c.user, &uid) // what is not a number is root (CVE-2026-30892)
	cmd := exec.Command("/proc/self/fd/"+strconv.Itoa(self), slices.Concat([]string{"enter", strconv.Itoa(uid), c.cwd}, c.args)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// addMounts makes the mount points by their names on the host (CVE-2021-30465);
// what would be mounted there then does not count.
func (c *call) addMounts() error {
	var list []specs.Mount
	c.id = c.args[0] // after "add"
	pid, err := c.pid()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.args[1])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", pid))
	if err != nil {
		return err
	}
	for _, m := range list {
		if err := os.MkdirAll(filepath.Join(root, m.Destination), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func enter(user, cwd string, args []string) error {
	if cwd != "" {
		if err := unix.Chdir(cwd); err != nil {
			return err
		}
	}
	uid, err := strconv.Atoi(user)
	if err != nil {
		return err
	}
	bounding := []string{"CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_RAW"}
	p := &specs.Process{User: specs.User{UID: uint32(uid)}, Capabilities: &specs.LinuxCapabilities{Bounding: bounding}, Env: os.Environ()}
	return become(p, args, -1)
}
