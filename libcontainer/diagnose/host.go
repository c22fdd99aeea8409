package diagnose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/advice"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// Host finds out what works on this host, for the calling user. root is
// the directory of the containers' states.
func Host(root string) []Finding {
	h := host{uid: os.Geteuid(), userNS: sys.InUserNamespace()}
	h.kernel()
	h.userNamespaces()
	h.ids()
	h.cgroups()
	h.systemd()
	h.confinement()
	h.limits()
	h.state(root)
	h.criu()
	return h.found
}

type host struct {
	uid    int
	userNS bool
	found  []Finding
}

func (h *host) add(s Severity, where, hint, format string, args ...any) {
	h.found = append(h.found, Finding{Severity: s, Where: where, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// privileged reports whether the caller is the host's root.
func (h *host) privileged() bool { return h.uid == 0 && !h.userNS }

func (h *host) kernel() {
	if err := sys.CheckKernel(); err != nil {
		h.add(Error, "kernel", advice.For(err), "%v", err)
		return
	}
	var name unix.Utsname
	unix.Uname(&name)
	h.add(OK, "kernel", "", "Linux %s has every system call that is needed", unix.ByteSliceToString(name.Release[:]))
	p, err := sys.HostProc()
	if err != nil {
		h.add(Error, "/proc", "mount -t proc proc /proc", "%v", err)
		return
	}
	p.Close()
}

// userNamespaces looks at what keeps users from making them.
func (h *host) userNamespaces() {
	bad := Warning
	if !h.privileged() {
		bad = Error // they can have no container without
	}
	const object = "user namespaces"
	if _, err := os.Stat("/proc/self/ns/user"); err != nil {
		h.add(bad, object, "use a kernel with CONFIG_USER_NS", "the kernel has none")
		return
	}
	before := len(h.found)
	if most, ok := number("/proc/sys/user/max_user_namespaces"); ok && most == 0 {
		h.add(bad, "user.max_user_namespaces", "sysctl -w user.max_user_namespaces=10000", "0: no user namespaces can be made")
	}
	if !h.privileged() {
		if on, ok := number("/proc/sys/kernel/unprivileged_userns_clone"); ok && on == 0 {
			h.add(Error, "kernel.unprivileged_userns_clone", "sysctl -w kernel.unprivileged_userns_clone=1", "0: only root can make a user namespace")
		}
		if on, ok := number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); ok && on == 1 {
			h.add(Warning, "kernel.apparmor_restrict_unprivileged_userns", "give crun-go an AppArmor profile with the rule userns",
				"1: what AppArmor does not confine has no capabilities in a new user namespace")
		}
	}
	if len(h.found) == before {
		h.add(OK, object, "", "can be made")
	}
}

// ids looks at the subordinate ids of an ordinary user.
func (h *host) ids() {
	if h.uid == 0 {
		return
	}
	for _, s := range spawn.SubordinateIDs() {
		switch {
		case s.Ids == 0:
			h.add(Warning, s.File, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "+proc.UserName(h.uid),
				"gives no ids: containers have one user")
		case s.Helper == "":
			h.add(Warning, s.Program, "install the package uidmap", "is not installed: containers have one user, though %s gives %d ids", s.File, s.Ids)
		default:
			h.add(OK, s.File, "", "gives %d ids", s.Ids)
		}
	}
}

func (h *host) cgroups() {
	hierarchy, err := cgroups.Find(cgroups.Root)
	if err != nil {
		h.add(Warning, "cgroup2", "mount -t cgroup2 cgroup2 /sys/fs/cgroup; or, where cgroup v1 is mounted there, boot with systemd.unified_cgroup_hierarchy=1",
			"is not mounted: containers have no cgroup, and limits are refused")
		return
	}
	all, err := hierarchy.Available()
	if err != nil {
		h.add(Error, hierarchy.Path, "", "%v", err)
		return
	}
	h.add(OK, hierarchy.Path, "", "cgroup2 with the controllers %s", list(all))
	for _, name := range [...]string{"cpu", "io", "memory", "pids"} {
		if !slices.Contains(all, name) {
			h.add(Warning, "controller "+name, "boot with systemd.unified_cgroup_hierarchy=1 if cgroup v1 has it", "is not in cgroup v2: its limits are refused")
		}
	}
	if h.privileged() {
		return
	}
	own, err := cgroups.Own(os.Getpid())
	if err != nil {
		h.add(Warning, "cgroup", "", "%v", err)
		return
	}
	dir := hierarchy.Path + own
	if unix.Access(dir, unix.W_OK) != nil && unix.Access(filepath.Dir(dir), unix.W_OK) != nil {
		h.add(Warning, dir, "run in a systemd user session (loginctl enable-linger, systemd-run --user --scope), or with --systemd-cgroup",
			"is not delegated to user %d: containers get no limits", h.uid)
		return
	}
	given, _ := sys.ReadFile(dir+"/cgroup.controllers", 4096)
	h.add(OK, dir, "", "is delegated, with the controllers %s", list(strings.Fields(string(given))))
	for _, name := range [...]string{"cpu", "memory", "pids"} {
		if !slices.Contains(strings.Fields(string(given)), name) && slices.Contains(all, name) {
			h.add(Warning, "controller "+name, "set Delegate=cpu cpuset io memory pids for user@.service", "is not delegated: its limits are refused")
		}
	}
}

// list joins words for a sentence.
func list(words []string) string {
	if len(words) == 0 {
		return "(none)"
	}
	return strings.Join(words, " ")
}

func (h *host) systemd() {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		h.add(Note, "systemd", "", "does not run here: --systemd-cgroup is refused")
		return
	}
	if h.privileged() {
		h.add(OK, "systemd", "", "runs here")
		return
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if _, err := os.Stat(dir + "/bus"); dir == "" || err != nil && os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		h.add(Warning, "D-Bus", "log in by a session (machinectl shell, ssh) rather than su, or set XDG_RUNTIME_DIR=/run/user/"+strconv.Itoa(h.uid),
			"this user has no session bus: --systemd-cgroup is refused")
		return
	}
	h.add(OK, "D-Bus", "", "the user's systemd is reached")
}

// confinement looks at what confines the runtime itself.
func (h *host) confinement() {
	status, err := sys.ReadFile("/proc/self/status", 16<<10)
	if err != nil {
		return
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case key == "Seccomp" && value == "2":
			h.add(Note, "seccomp", "", "this process is itself below a filter, as in a container")
		case key == "NoNewPrivs" && value == "1" && h.uid != 0:
			h.add(Warning, "no_new_privs", "call without it", "it is set: newuidmap has no privileges, and containers have one user")
		}
	}
	if on, err := sys.ReadFile("/sys/module/apparmor/parameters/enabled", 16); err == nil && on[0] == 'Y' {
		h.add(OK, "AppArmor", "", "is enabled")
	}
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err == nil {
		h.add(OK, "SELinux", "", "is enabled")
	}
}

// limits looks at those of the kernel which end containers, or keep them from starting,
// when many run.
func (h *host) limits() {
	if most, ok := number("/proc/sys/fs/mount-max"); ok && most < 10000 {
		h.add(Warning, "fs.mount-max", "sysctl -w fs.mount-max=100000", "%d mounts in a namespace are few", most)
	}
	if most, ok := number("/proc/sys/kernel/keys/maxkeys"); ok && !h.privileged() && most < 100 {
		h.add(Warning, "kernel.keys.maxkeys", "sysctl -w kernel.keys.maxkeys=2000, or --no-new-keyring", "%d keyrings of a user are few: each container has one", most)
	}
	if most, ok := number("/proc/sys/kernel/pid_max"); ok && most < 4096 {
		h.add(Warning, "kernel.pid_max", "sysctl -w kernel.pid_max=32768", "%d processes are few", most)
	}
	if left, at, ok := h.pidsLeft(); ok && left < 50 {
		h.add(Warning, at, "raise it", "pids.max leaves room for %d processes here", left)
	}
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil && files.Max < 1024 {
		h.add(Warning, "RLIMIT_NOFILE", "ulimit -Hn 4096", "%d open files are few", files.Max)
	}
}

// pidsLeft is how many processes may still be made in this process's cgroups.
func (h *host) pidsLeft() (left int, at string, ok bool) {
	hierarchy, err := cgroups.Find(cgroups.Root)
	if err != nil {
		return 0, "", false
	}
	own, err := cgroups.Own(os.Getpid())
	if err != nil {
		return 0, "", false
	}
	for dir := own; dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		most, limited := number(hierarchy.Path + dir + "/pids.max")
		now, counted := number(hierarchy.Path + dir + "/pids.current")
		if limited && counted && (!ok || most-now < left) {
			left, at, ok = most-now, hierarchy.Path+dir+"/pids.max", true
		}
	}
	return left, at, ok
}

// state looks at the directory of the containers' states, or where it would be made.
func (h *host) state(root string) {
	dir := root
	for {
		err := unix.Access(dir, unix.W_OK|unix.X_OK)
		if err == nil {
			h.add(OK, root, "", "containers' states can be kept here")
			return
		}
		if !errors.Is(err, unix.ENOENT) || dir == "/" {
			h.add(Error, root, "choose another directory with --root", "containers' states cannot be kept here: access %q: %v", dir, err)
			return
		}
		dir = filepath.Dir(dir)
	}
}

func (h *host) criu() {
	for _, dir := range [...]string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"} {
		if unix.Access(dir+"/criu", unix.X_OK) == nil {
			h.add(OK, "CRIU", "", "is installed, for checkpoint and restore")
			return
		}
	}
	h.add(Note, "CRIU", "install the package criu to use them", "is not installed: no checkpoint and restore")
}

// number reads a file that has one.
func number(file string) (int, bool) {
	text, err := sys.ReadFile(file, 64)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
