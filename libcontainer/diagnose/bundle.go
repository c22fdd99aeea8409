package diagnose

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/advice"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/create"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Bundle finds what is wrong with a bundle, on this host: of its configuration, its root
// filesystem, and what both need. The error is of a configuration that cannot be read.
func Bundle(o bundle.Options) ([]Finding, error) {
	c, err := create.Check(o)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, err := range c.Mistakes {
		found = append(found, ofError(c.Text, err))
	}
	if err := sys.CheckKernel(); err != nil {
		found = append(found, Finding{Severity: Error, Where: "kernel", Text: err.Error(), Hint: advice.For(err)})
	}
	for _, err := range c.Unopened {
		found = append(found, ofError(c.Text, err))
	}
	for _, key := range c.Unknown {
		found = append(found, Finding{Severity: Warning, Field: key, Text: "unknown key, which is ignored"}.at(c.Text))
	}
	for _, w := range c.Warnings {
		found = append(found, ofWarning(c.Text, w))
	}
	if c.Plan == nil || c.Spec == nil {
		return append(found, Finding{Severity: Note, Where: "config.json", Text: "the search ended here: there may be more once these are corrected"}), nil
	}
	found = append(found, inFields(c)...)
	return found, nil
}

// inFields finds what is in fields of a configuration that create accepts.
func inFields(c *create.Checked) []Finding {
	found := slices.Concat(controllers(c), profile(c.Spec), openFiles(c.Spec), hooks(c.Spec), filesystems(c.Spec), params(c.Plan), sysctls(c.Spec))
	root, err := retry.Open(c.Plan.Container.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil { // else create's own error says so
		defer unix.Close(root)
		found = append(found, owner(root, c.Spec)...)
		found = append(found, places(root, c.Spec)...)
		found = append(found, program(root, c)...)
		found = append(found, setuid(root, c.Spec)...)
	}
	found = append(found, notes(c.Spec)...)
	for i := range found {
		found[i] = found[i].at(c.Text)
	}
	return found
}

func field(s Severity, name, text, hint string) Finding {
	return Finding{Severity: s, Field: name, Text: text, Hint: hint}
}

// controllers finds limits whose controllers the container's cgroup will not have.
func controllers(c *create.Checked) []Finding {
	if c.Spec.Linux == nil || c.Spec.Linux.Resources == nil || c.Host.CgroupRoot == "" {
		return nil
	}
	hierarchy, err := cgroups.Find(cgroups.Root)
	if err != nil {
		return nil
	}
	available, err := hierarchy.Available()
	if err != nil {
		return nil
	}
	has := make(map[string]bool)
	for _, name := range available {
		has[name] = true
	}
	r := c.Spec.Linux.Resources
	memory, cpu, io := r.Memory, r.CPU, r.BlockIO
	if memory == nil {
		memory = new(specs.LinuxMemory)
	}
	if cpu == nil {
		cpu = new(specs.LinuxCPU)
	}
	if io == nil {
		io = new(specs.LinuxBlockIO)
	}
	var found []Finding
	lacks := func(key, controller string) {
		if has[controller] {
			return
		}
		found = append(found, field(Error, "linux.resources."+key,
			"the cgroup v2 hierarchy at "+hierarchy.Path+" has no controller "+controller,
			"free it from cgroup v1 (boot with systemd.unified_cgroup_hierarchy=1), or leave the limit out"))
	}
	for _, limit := range [...]struct {
		key, controller string
		is              bool
	}{
		{"memory.limit", "memory", positive(memory.Limit)},
		{"memory.reservation", "memory", positive(memory.Reservation)},
		{"memory.swap", "memory", positive(memory.Swap)},
		{"cpu.shares", "cpu", positive(cpu.Shares)},
		{"cpu.quota", "cpu", positive(cpu.Quota)},
		{"cpu.idle", "cpu", positive(cpu.Idle)},
		{"cpu.cpus", "cpuset", cpu.Cpus != ""},
		{"cpu.mems", "cpuset", cpu.Mems != ""},
		{"pids.limit", "pids", r.Pids != nil && positive(r.Pids.Limit)},
		{"blockIO.weight", "io", positive(io.Weight)},
		{"blockIO", "io", len(io.WeightDevice)+len(io.ThrottleReadBpsDevice)+len(io.ThrottleWriteBpsDevice)+
			len(io.ThrottleReadIOPSDevice)+len(io.ThrottleWriteIOPSDevice) > 0},
		{"hugepageLimits", "hugetlb", len(r.HugepageLimits) > 0},
		{"rdma", "rdma", len(r.Rdma) > 0},
	} {
		if limit.is {
			lacks(limit.key, limit.controller)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		controller, name, _ := strings.Cut(file, ".")
		isDefault := strings.TrimSpace(r.Unified[file]) == "max"
		if controller != "cgroup" && name != "pressure" && !isDefault { // which are there without
			lacks("unified."+file, controller)
		}
	}
	return found
}

// openFiles finds a limit on open files that no process can have.
func openFiles(spec *specs.Spec) []Finding {
	most, ok := number("/proc/sys/fs/nr_open")
	for _, l := range spec.Process.Rlimits {
		if ok && l.Type == "RLIMIT_NOFILE" && l.Hard > uint64(most) {
			return []Finding{field(Error, "process.rlimits", fmt.Sprintf("%d open files are more than the sysctl fs.nr_open allows, which is %d", l.Hard, most),
				"lower the limit, or raise that")}
		}
	}
	return nil
}

// hooks finds programs of the host that are not there.
func hooks(spec *specs.Spec) []Finding {
	h := spec.Hooks
	if h == nil {
		return nil
	}
	var found []Finding
	for _, list := range [...]struct {
		kind  string
		hooks []specs.Hook
	}{
		{"prestart", h.Prestart}, //nolint:staticcheck // deprecated, but engines use it
		{"createRuntime", h.CreateRuntime}, {"createContainer", h.CreateContainer}, {"poststart", h.Poststart}, {"poststop", h.Poststop},
	} {
		for i, hook := range list.hooks {
			var st unix.Stat_t
			err := unix.Stat(hook.Path, &st)
			if err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0) {
				err = unix.EACCES
			}
			if err != nil {
				found = append(found, field(Error, fmt.Sprintf("hooks.%s[%d]", list.kind, i), fmt.Sprintf("%q cannot be executed: %v", hook.Path, err), ""))
			}
		}
	}
	return found
}

// filesystems finds types of mounts that the kernel does not have.
func filesystems(spec *specs.Spec) []Finding {
	var found []Finding
	for i, m := range spec.Mounts {
		if m.Type == "" || m.Type == "bind" || m.Type == "cgroup" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") ||
			slices.Contains(m.Options, "remount") {
			continue
		}
		if !hasFilesystem(m.Type) {
			found = append(found, field(Error, fmt.Sprintf("mounts[%d]", i), fmt.Sprintf("this kernel has no filesystem %q", m.Type), advice.Filesystem(m.Type)))
		}
	}
	return found
}

// params finds options that the kernel's own filesystems do not take: those are asked, and
// nothing is made. Others could look at their devices, or at what an image has.
func params(p *plan.Plan) []Finding {
	var found []Finding
	for _, item := range p.Init {
		s, ok := item.Step.(*plan.MountFS)
		if !ok || !slices.Contains([]string{"tmpfs", "ramfs", "proc", "sysfs", "devpts", "mqueue", "cgroup2", "overlay"}, s.Type) || !hasLoaded(s.Type) {
			continue
		}
		err := sys.TryParams(s.Type, slices.DeleteFunc(slices.Clone(s.Params), func(param string) bool {
			key, _, _ := strings.Cut(param, "=")
			return strings.HasSuffix(strings.TrimSuffix(key, "+"), "dir") // an overlay's layers
		}))
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSYS) {
			found = append(found, field(Error, item.Field, fmt.Sprintf("a %s does not take its options: %v", s.Type, err), ""))
		}
	}
	return found
}

// hasLoaded reports whether the kernel has a filesystem, and needs no module for it.
func hasLoaded(name string) bool {
	loaded, err := sys.ReadFile("/proc/filesystems", 1<<20)
	return err == nil && listsFilesystem(string(loaded), name)
}

// hasFilesystem reports whether the kernel has a filesystem, or may have a module for it.
// The kernel is not asked by fsopen(2), which would load the module.
func hasFilesystem(name string) bool {
	name, _, _ = strings.Cut(name, ".") // fuse.sshfs is fuse
	loaded, err := sys.ReadFile("/proc/filesystems", 1<<20)
	if err != nil || listsFilesystem(string(loaded), name) {
		return true
	}
	if _, err := os.Stat("/proc/sys/kernel/modprobe"); errors.Is(err, fs.ErrNotExist) {
		return false // a kernel without modules
	}
	var uts unix.Utsname
	if unix.Uname(&uts) != nil {
		return true
	}
	aliases, err := sys.ReadFile("/lib/modules/"+unix.ByteSliceToString(uts.Release[:])+"/modules.alias", 64<<20)
	return err != nil || strings.Contains("\n"+string(aliases), "\nalias fs-"+name+" ")
}

// listsFilesystem reports whether /proc/filesystems has a name: in lines such as
// "nodev\tproc" and "\text4".
func listsFilesystem(list, name string) bool {
	for line := range strings.Lines(list) {
		if _, listed, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && listed == name {
			return true
		}
	}
	return false
}

func positive[T uint16 | int64 | uint64](n *T) bool { return n != nil && *n > 0 }

// profile finds an AppArmor profile that is not loaded.
func profile(spec *specs.Spec) []Finding {
	name := spec.Process.ApparmorProfile
	if name == "" || name == "unconfined" {
		return nil
	}
	const file = "/sys/kernel/security/apparmor/profiles"
	loaded, err := sys.ReadFile(file, 1<<20)
	if err != nil || strings.Contains("\n"+string(loaded), "\n"+name+" (") {
		return nil // only root can read it
	}
	return []Finding{field(Error, "process.apparmorProfile", fmt.Sprintf("no AppArmor profile %q is loaded", name),
		"load it with apparmor_parser, or leave it out")}
}

// owner finds a root filesystem that the root of the container's user namespace does not
// own, or cannot reach.
func owner(root int, spec *specs.Spec) []Finding {
	if spec.Linux == nil || len(spec.Linux.UIDMappings) == 0 {
		return nil
	}
	var st unix.Stat_t
	if unix.Fstat(root, &st) != nil || proc.HasHostID(spec.Linux.UIDMappings, st.Uid) {
		return nil
	}
	return []Finding{field(Warning, "root.path",
		fmt.Sprintf("the root filesystem belongs to user %d, which linux.uidMappings does not map: in the container it has no owner", st.Uid),
		fmt.Sprintf("chown it to the mapped ids, of which the first is %d, or map its owner", proc.HostID(spec.Linux.UIDMappings, 0)))}
}

// program finds out whether there is a program to execute, and whether the kernel can.
func program(root int, c *create.Checked) []Finding {
	const where = "process.args[0]"
	args := c.Spec.Process.Args
	if len(args) == 0 || args[0] == "/" && len(c.Mistakes) > 0 { // check's own, for a mistake
		return nil
	}
	name := args[0]
	if name == "" {
		return []Finding{field(Error, where, "it is empty, and names the program", "name a program, such as sh")}
	}
	candidates := []string{path.Join(c.Spec.Process.Cwd, name)}
	if strings.HasPrefix(name, "/") {
		candidates = []string{name}
	}
	search := ""
	if !strings.Contains(name, "/") {
		search = searchPath(c.Plan)
		candidates = nil
		for dir := range strings.SplitSeq(search, ":") {
			candidates = append(candidates, path.Join("/", dir, name))
		}
	}
	refused := ""
	for _, candidate := range candidates {
		if under(c.Spec.Mounts, candidate) {
			return nil // what will be there is not known
		}
		switch err := executable(root, candidate); {
		case err == nil:
			if hint := advice.Program(root, candidate); hint != "" {
				return []Finding{field(Error, where, fmt.Sprintf("the kernel cannot execute %q", candidate), hint)}
			}
			return closed(root, c.Spec, Error, where, candidate)
		case errors.Is(err, unix.EACCES) && refused == "":
			refused = candidate
		}
	}
	switch {
	case refused != "":
		return []Finding{field(Error, where, fmt.Sprintf("%q is not an executable file", refused), "chmod +x it, or name a program")}
	case search != "":
		return []Finding{field(Error, where, fmt.Sprintf("%q is in no directory of PATH (%s) of the root filesystem", name, advice.Brief(search)), emptyHint(root))}
	}
	return []Finding{field(Error, where, fmt.Sprintf("the root filesystem has no %q", candidates[0]), emptyHint(root))}
}

// searchPath is where init looks for the program.
func searchPath(p *plan.Plan) string {
	for _, item := range p.Init {
		if s, ok := item.Step.(*plan.FindExecutable); ok {
			return s.Path
		}
	}
	return ""
}

// executable reports why a path below root is not a program: unix.EACCES if it is not a
// file that any user may execute.
func executable(root int, name string) error {
	mode, err := modeAt(root, name)
	if err == nil && (mode&unix.S_IFMT != unix.S_IFREG || mode&0o111 == 0) {
		return unix.EACCES
	}
	return err
}

// emptyHint is for a program that is not there.
func emptyHint(root int) string {
	if names, err := namesIn(root, "/"); err == nil && len(names) == 0 {
		return "the root filesystem is empty: unpack an image there, such as docker export $(docker create busybox) | tar -x"
	}
	return "name a program that the image has"
}
