package inspect

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv"
)

// namespaces compares init's with this process's, and with those that were to be joined.
func (l *look) namespaces() error {
	asked := make(map[specs.LinuxNamespaceType]int)
	for i, ns := range l.Spec.Linux.Namespaces {
		asked[ns.Type] = i + 1
	}
	for _, ns := range proc.Namespaces() {
		var own, is unix.Stat_t
		if unix.Stat("/proc/self/ns/"+ns.File, &own) != nil {
			continue // the kernel has none of the kind
		}
		if err := unix.Fstatat(l.Init.FD(), "ns/"+ns.File, &is, 0); err != nil {
			return &os.PathError{Op: "stat", Path: "/proc/PID/ns/" + ns.File, Err: err}
		}
		text := strconv.FormatUint(is.Ino, 10)
		shared := is.Ino == own.Ino
		if shared {
			text = "the caller's"
		}
		i := asked[ns.Type] - 1
		if i < 0 {
			l.add("namespace "+string(ns.Type), "", "", text, false)
			continue
		}
		field := fmt.Sprintf("linux.namespaces[%d]", i)
		path := l.Spec.Linux.Namespaces[i].Path
		if path == "" {
			l.add("namespace "+string(ns.Type), field, "new", text, shared)
			continue
		}
		var at unix.Stat_t
		same := unix.Stat(path, &at) == nil && at.Ino == is.Ino
		l.add("namespace "+string(ns.Type), field+".path", path, text, !same)
	}
	return nil
}

func (l *look) idMaps() error {
	for _, m := range [...]struct {
		file, field string
		asked       []specs.LinuxIDMapping
	}{{"uid_map", "linux.uidMappings", l.Spec.Linux.UIDMappings}, {"gid_map", "linux.gidMappings", l.Spec.Linux.GIDMappings}} {
		text, err := l.Init.Read(m.file)
		if err != nil {
			return err
		}
		maps, err := proc.ParseIDMap(text)
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(m.file, "_", " ")
		if len(m.asked) == 0 {
			l.add(name, "", "", mapText(maps), false)
			continue
		}
		l.compare(name, m.field, mapText(m.asked), mapText(maps))
	}
	return nil
}

func mapText(maps []specs.LinuxIDMapping) string {
	var words []string
	for _, m := range maps {
		words = append(words, fmt.Sprintf("%d:%d:%d", m.ContainerID, m.HostID, m.Size))
	}
	return strings.Join(words, " ")
}

// identity looks at what init is and may do.
func (l *look) identity() error {
	text, err := l.Init.Read("status")
	if err != nil {
		return err
	}
	status := make(map[string]string)
	for line := range strings.SplitSeq(string(text), "\n") {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.TrimSpace(value)
	}
	p := l.Spec.Process
	if p == nil {
		p = new(specs.Process)
	}
	l.add("uid (real, effective, saved, filesystem)", "process.user.uid", strconv.FormatUint(uint64(p.User.UID), 10), strings.Join(strings.Fields(status["Uid"]), " "), false)
	l.add("gid (real, effective, saved, filesystem)", "process.user.gid", strconv.FormatUint(uint64(p.User.GID), 10), strings.Join(strings.Fields(status["Gid"]), " "), false)
	l.add("groups", "", "", status["Groups"], false)
	c := p.Capabilities
	if c == nil {
		c = new(specs.LinuxCapabilities)
	}
	for _, set := range [...]struct {
		key, name string
		asked     []string
	}{
		{"CapBnd", "bounding", c.Bounding}, {"CapPrm", "permitted", c.Permitted}, {"CapEff", "effective", c.Effective},
		{"CapInh", "inheritable", c.Inheritable}, {"CapAmb", "ambient", c.Ambient},
	} {
		bits, err := strconv.ParseUint(status[set.key], 16, 64)
		if err != nil {
			return fmt.Errorf("read /proc/PID/status: %s is %q", set.key, status[set.key])
		}
		// It may have less: a process drops them by itself, or with its user id.
		more := bits &^ capabilityBits(set.asked)
		if set.key != "CapBnd" {
			more &^= capabilityBits(c.Bounding) // what root executes
		}
		l.add("capabilities "+set.name, "process.capabilities."+set.name, capabilityNames(capabilityBits(set.asked)), capabilityNames(bits), more != 0)
	}
	l.add("no_new_privs", "process.noNewPrivileges", flag(p.NoNewPrivileges), status["NoNewPrivs"], p.NoNewPrivileges && status["NoNewPrivs"] != "1")
	profile := l.Spec.Linux.Seccomp
	filtered := profile != nil && (profile.DefaultAction != "" || len(profile.Syscalls) > 0)
	l.add("seccomp", "linux.seccomp", filterText(filtered), seccompText(status["Seccomp"], status["Seccomp_filters"]), filtered && status["Seccomp"] != "2")
	return nil
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

func filterText(on bool) string {
	if on {
		return "a filter"
	}
	return "no filter"
}

func seccompText(mode, filters string) string {
	switch mode {
	case "0":
		return "no filter"
	case "1":
		return "strict mode"
	}
	if filters == "1" {
		return "1 filter"
	}
	return filters + " filters"
}

func capabilityBits(names []string) (bits uint64) {
	for _, name := range names {
		if n := slices.Index(specconv.Capabilities(), name); n >= 0 {
			bits |= 1 << n
		}
	}
	return bits
}

func capabilityNames(bits uint64) string {
	var names []string
	for n, name := range specconv.Capabilities() {
		if bits&(1<<n) != 0 {
			names = append(names, strings.TrimPrefix(name, "CAP_"))
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, " ")
}

// labels compares the label of the first LSM, and AppArmor's.
func (l *look) labels() error {
	p := l.Spec.Process
	if p == nil {
		return nil
	}
	if label, err := l.read("attr/apparmor/current"); err == nil && label != "" {
		name, _, _ := strings.Cut(label, " (")
		l.add("AppArmor profile", "process.apparmorProfile", p.ApparmorProfile, label, p.ApparmorProfile != "" && name != p.ApparmorProfile)
	}
	if label, err := l.read("attr/current"); err == nil && p.SelinuxLabel != "" {
		l.compare("SELinux label", "process.selinuxLabel", p.SelinuxLabel, label)
	}
	return nil
}

// limits compares what setrlimit(2) and /proc set.
func (l *look) limits() error {
	text, err := l.read("limits")
	if err != nil {
		return err
	}
	rows := make(map[string][]string) // by the kernel's name
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 26 {
			rows[strings.TrimSpace(line[:26])] = strings.Fields(line[26:])
		}
	}
	for i, asked := range l.Spec.Process.Rlimits {
		row := rows[limitName(asked.Type)]
		if len(row) < 2 {
			continue
		}
		hard := limitText(asked.Hard)
		// The soft limit is the process's own to change.
		l.add(asked.Type, fmt.Sprintf("process.rlimits[%d]", i), limitText(asked.Soft)+", at most "+hard, row[0]+", at most "+row[1],
			row[1] != hard && !lowered(row[1], asked.Hard))
	}
	score, err := l.read("oom_score_adj")
	if err != nil {
		return err
	}
	if asked := l.Spec.Process.OOMScoreAdj; asked != nil {
		n, _ := strconv.Atoi(score)
		l.add("oom_score_adj", "process.oomScoreAdj", strconv.Itoa(*asked), score, n < *asked)
	} else {
		l.add("oom_score_adj", "", "", score, false)
	}
	return nil
}

func lowered(is string, asked uint64) bool {
	n, err := strconv.ParseUint(is, 10, 64)
	return err == nil && n < asked
}

func limitText(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// limitName is what /proc/PID/limits calls a limit of getrlimit(2).
func limitName(kind string) string {
	switch kind {
	case "RLIMIT_AS":
		return "Max address space"
	case "RLIMIT_CORE":
		return "Max core file size"
	case "RLIMIT_CPU":
		return "Max cpu time"
	case "RLIMIT_DATA":
		return "Max data size"
	case "RLIMIT_FSIZE":
		return "Max file size"
	case "RLIMIT_LOCKS":
		return "Max file locks"
	case "RLIMIT_MEMLOCK":
		return "Max locked memory"
	case "RLIMIT_MSGQUEUE":
		return "Max msgqueue size"
	case "RLIMIT_NICE":
		return "Max nice priority"
	case "RLIMIT_NOFILE":
		return "Max open files"
	case "RLIMIT_NPROC":
		return "Max processes"
	case "RLIMIT_RSS":
		return "Max resident set"
	case "RLIMIT_RTPRIO":
		return "Max realtime priority"
	case "RLIMIT_RTTIME":
		return "Max realtime timeout"
	case "RLIMIT_SIGPENDING":
		return "Max pending signals"
	case "RLIMIT_STACK":
		return "Max stack size"
	}
	return ""
}

// realtime reports whether a process needs a privilege to give itself the policy.
func realtime(policy string) bool {
	return policy == "SCHED_FIFO" || policy == "SCHED_RR" || policy == "SCHED_DEADLINE"
}

// scheduling compares the policy.
func (l *look) scheduling() error {
	attr, err := unix.SchedGetAttr(l.PID, 0)
	if err != nil {
		return os.NewSyscallError("sched_getattr", err)
	}
	policies := [...]string{"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "", "SCHED_IDLE", "SCHED_DEADLINE"}
	is := strconv.FormatUint(uint64(attr.Policy), 10)
	if int(attr.Policy) < len(policies) {
		is = policies[attr.Policy]
	}
	name := is
	is += fmt.Sprintf(", nice %d, priority %d", attr.Nice, attr.Priority)
	if s := l.Spec.Process.Scheduler; s != nil {
		l.add("scheduling", "process.scheduler", fmt.Sprintf("%s, nice %d, priority %d", s.Policy, s.Nice, s.Priority), is, string(s.Policy) != name && realtime(name))
		return nil
	}
	l.add("scheduling", "", "", is, false)
	return nil
}

// processes lists what is odd among the container's processes.
func (l *look) processes() error {
	l.add("processes", "", "", strconv.Itoa(len(l.Processes)), false)
	var zombies, stopped, elsewhere []string
	for _, pid := range l.Processes {
		text := strconv.Itoa(pid)
		st, err := state.ReadStat(pid)
		if err != nil || st.State == 0 {
			continue // gone
		}
		switch st.State {
		case 'Z':
			zombies = append(zombies, text)
		case 'T', 't':
			stopped = append(stopped, text)
		}
		if others := l.otherNamespaces(pid); others != "" {
			elsewhere = append(elsewhere, text+" ("+others+")")
		}
	}
	for _, list := range [...]struct {
		name string
		pids []string
	}{{"zombies", zombies}, {"stopped", stopped}, {"in other namespaces than init", elsewhere}} {
		if list.pids != nil {
			l.add("processes: "+list.name, "", "", strings.Join(list.pids, " "), false)
		}
	}
	return nil
}

// otherNamespaces names those that a process does not share with init.
func (l *look) otherNamespaces(pid int) string {
	var names []string
	for _, ns := range proc.Namespaces() {
		var init, own unix.Stat_t
		if unix.Fstatat(l.Init.FD(), "ns/"+ns.File, &init, 0) != nil || unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/"+ns.File, &own) != nil {
			continue
		}
		if init.Ino != own.Ino {
			names = append(names, string(ns.Type))
		}
	}
	return strings.Join(names, " ")
}
