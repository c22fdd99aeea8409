package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/rtstart"
)

// limitNames are the resources of getrlimit(2), by number.
var limitNames = map[int]string{
	unix.RLIMIT_AS: "AS", unix.RLIMIT_CORE: "CORE", unix.RLIMIT_CPU: "CPU", unix.RLIMIT_DATA: "DATA",
	unix.RLIMIT_FSIZE: "FSIZE", unix.RLIMIT_LOCKS: "LOCKS", unix.RLIMIT_MEMLOCK: "MEMLOCK", unix.RLIMIT_MSGQUEUE: "MSGQUEUE",
	unix.RLIMIT_NICE: "NICE", unix.RLIMIT_NOFILE: "NOFILE", unix.RLIMIT_NPROC: "NPROC", unix.RLIMIT_RSS: "RSS",
	unix.RLIMIT_RTPRIO: "RTPRIO", unix.RLIMIT_RTTIME: "RTTIME", unix.RLIMIT_SIGPENDING: "SIGPENDING", unix.RLIMIT_STACK: "STACK",
}

// limits gives each resource as "SOFT HARD". The limit on open files is the one
// from before Go raised it.
func limits() map[string]string {
	word := func(v uint64) string {
		if v == unix.RLIM_INFINITY {
			return "unlimited"
		}
		return strconv.FormatUint(v, 10)
	}
	out := map[string]string{}
	for number, name := range limitNames {
		var l unix.Rlimit
		if unix.Getrlimit(number, &l) != nil {
			continue
		}
		if number == unix.RLIMIT_NOFILE && rtstart.Hard != 0 {
			l = unix.Rlimit{Cur: rtstart.Soft, Max: rtstart.Hard}
		}
		out["RLIMIT_"+name] = word(l.Cur) + " " + word(l.Max)
	}
	return out
}

// stay becomes a user, and does nothing more.
func stay(user string) error {
	uid, err := strconv.Atoi(user)
	if err == nil {
		err = unix.Setuid(uid)
	}
	if err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

// A schedule is how the process runs: sched_getattr(2), ioprio_get(2),
// sched_getaffinity(2) and get_mempolicy(2).
type schedule struct {
	Policy      string `json:"policy"`
	Nice        int32  `json:"nice"`
	Priority    uint32 `json:"priority"`
	Flags       uint64 `json:"flags"`
	Runtime     uint64 `json:"runtime"`
	Deadline    uint64 `json:"deadline"`
	Period      uint64 `json:"period"`
	IOPriority  string `json:"io_priority"` // "CLASS LEVEL", by number
	Affinity    []int  `json:"affinity"`
	MemoryMode  string `json:"memory_mode"`
	MemoryFlags string `json:"memory_flags"`
	MemoryNodes []int  `json:"memory_nodes"`
}

var policies = map[uint32]string{
	unix.SCHED_NORMAL: "SCHED_OTHER", unix.SCHED_FIFO: "SCHED_FIFO", unix.SCHED_RR: "SCHED_RR",
	unix.SCHED_BATCH: "SCHED_BATCH", unix.SCHED_IDLE: "SCHED_IDLE", unix.SCHED_DEADLINE: "SCHED_DEADLINE",
}

var memoryModes = [...]string{
	"MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE",
}

func scheduling() schedule {
	var s schedule
	pid := os.Getpid() // its main thread: the others' flags may differ
	if a, err := unix.SchedGetAttr(pid, 0); err == nil {
		s = schedule{Policy: policies[a.Policy], Nice: a.Nice, Priority: a.Priority, Flags: a.Flags, Runtime: a.Runtime, Deadline: a.Deadline, Period: a.Period}
	}
	const whoProcess, classShift = 1, 13 // linux/ioprio.h
	if prio, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_GET, whoProcess, uintptr(pid), 0); errno == 0 {
		s.IOPriority = fmt.Sprint(prio>>classShift, prio&(1<<classShift-1))
	}
	var set unix.CPUSet
	if unix.SchedGetaffinity(pid, &set) == nil {
		for cpu := range len(set) * 64 {
			if set.IsSet(cpu) {
				s.Affinity = append(s.Affinity, cpu)
			}
		}
	}
	s.memoryPolicy()
	return s
}

// memoryPolicy asks for the calling thread's, which the main thread is: main
// locks its goroutine to it.
func (s *schedule) memoryPolicy() {
	var mode int32
	var nodes [16]uint64
	_, _, errno := unix.RawSyscall6(unix.SYS_GET_MEMPOLICY, uintptr(unsafe.Pointer(&mode)), uintptr(unsafe.Pointer(&nodes)), uintptr(len(nodes)*64), 0, 0, 0)
	if errno != 0 {
		return
	}
	var flags []string
	for bit, name := range map[int32]string{1 << 13: "MPOL_F_NUMA_BALANCING", 1 << 14: "MPOL_F_RELATIVE_NODES", 1 << 15: "MPOL_F_STATIC_NODES"} {
		if mode&bit != 0 {
			flags = append(flags, name)
			mode &^= bit
		}
	}
	s.MemoryFlags = strings.Join(flags, " ")
	if int(mode) < len(memoryModes) {
		s.MemoryMode = memoryModes[mode]
	}
	for node := range len(nodes) * 64 {
		if nodes[node/64]>>(node%64)&1 != 0 {
			s.MemoryNodes = append(s.MemoryNodes, node)
		}
	}
}

// attributes are the less known ones of prctl(2).
func attributes() map[string]int {
	out := map[string]int{}
	for name, option := range map[string]int{
		"dumpable": unix.PR_GET_DUMPABLE, "keepcaps": unix.PR_GET_KEEPCAPS, "securebits": unix.PR_GET_SECUREBITS,
		"timerslack": unix.PR_GET_TIMERSLACK, "thp_disable": unix.PR_GET_THP_DISABLE, "io_flusher": unix.PR_GET_IO_FLUSHER,
	} {
		if v, err := unix.PrctlRetInt(option, 0, 0, 0, 0); err == nil {
			out[name] = v
		}
	}
	for name, option := range map[string]int{"subreaper": unix.PR_GET_CHILD_SUBREAPER, "pdeathsig": unix.PR_GET_PDEATHSIG} {
		var v int32
		if unix.Prctl(option, uintptr(unsafe.Pointer(&v)), 0, 0, 0) == nil {
			out[name] = int(v)
		}
	}
	return out
}

// sessionKeyring is the session keyring (keyctl(2)): its name, and "UID GID
// PERMISSIONS". Both are empty when the kernel or a filter refuses.
func sessionKeyring() (name, access string) {
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		return "", ""
	}
	fields := bytes.Split([]byte(text), []byte(";"))
	last := len(fields) - 1
	return string(fields[last]), string(bytes.Join(fields[1:last], []byte(" ")))
}

// terminal gives the size of the first of the standard streams that is one, as
// "WIDTHxHEIGHT".
func terminal() string {
	for fd := range 3 {
		if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
			return fmt.Sprintf("%dx%d", size.Col, size.Row)
		}
	}
	return ""
}

// label is the security label that an LSM gave this process, empty without one.
func label(file string) string {
	text, err := os.ReadFile("/proc/self/attr/" + file)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text), "\x00\n")
}
