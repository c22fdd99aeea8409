package plan

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// UnshareCgroup makes the cgroup namespace. Init does it itself, because one
// made by clone3 with CLONE_INTO_CGROUP would be rooted in the parent's cgroup.
type UnshareCgroup struct{}

// LoopbackUp brings up the interface lo of a new network namespace.
type LoopbackUp struct{}

// Sync tells the parent that init has come to a phase. After Born and Mounted
// init waits for the parent's continue.
type Sync struct {
	Phase Phase
	Quiet bool // the parent does nothing that depends on it: only wait
}

// Hooks runs hooks inside the container's namespaces.
type Hooks struct {
	Kind  string
	Dir   string // working directory: "" stays
	Hooks []Hook
	Log   HookLog
	// Confined: they are programs of the container's, and run as its process
	// will: under the limits and the filter that later steps have, and if they
	// have no environment, in its own.
	Confined bool
	// What they read from standard input, before and after init's pid, which only
	// init knows in its own namespace.
	Before, After string `json:"-"`
}

// Hook is a program that init runs.
type Hook struct {
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"` // the whole argv
	Env  []string `json:"env,omitempty"`
	// ProcessEnv: it has the environment of the container's process.
	ProcessEnv bool `json:"-"`
	Timeout    int  `json:"timeout,omitempty"` // seconds; 0: none
}

// HookLog is where the output of hooks is copied to: slots of OpenLog, counted
// from 1; 0 is none.
type HookLog struct{ Stdout, Stderr int }

// SetHostname sets the UTS namespace's host name.
type SetHostname struct{ Name string }

// SetDomainname sets the UTS namespace's NIS domain name.
type SetDomainname struct{ Name string }

// Sysctl writes a kernel parameter through a private procfs.
type Sysctl struct {
	Key   string // "net.ipv4.ip_forward"
	Path  string // of it in procfs: "sys/net/ipv4/ip_forward"
	Value string
}

// NewSysctl makes the step from a parameter's dotted name.
func NewSysctl(key, value string) *Sysctl {
	return &Sysctl{Key: key, Path: "sys/" + SwapSeparators(key), Value: value}
}

// SwapSeparators turns a parameter's dotted name into its path below /proc/sys,
// and back. In dotted form a slash stands for a dot in a name, as in sysctl(8):
// net.ipv4.conf.eth0/1.forwarding.
func SwapSeparators(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, name)
}

// JoinKeyring gives the container a session keyring of its own.
type JoinKeyring struct {
	Name  string
	Label string // SELinux label of the keyring; empty: the policy's choice
}

// Console makes the container's terminal and sends its master to the parent.
type Console struct {
	Width, Height uint32 // 0: leave
	UID           uint32 // of the slave
	Mount         bool   // bind it on /dev/console
	// PlainLines: lines end as the process ends them, without a CR. The runtime copies them
	// to standard output, which need not be a terminal, and one that is adds its own.
	PlainLines bool
	// Uncontrolled: it is only made the standard streams. A process that is
	// cloned later takes control of it.
	Uncontrolled bool
}

// ReopenNull has the standard streams that are the host's /dev/null refer to
// the container's.
type ReopenNull struct{}

// OwnStdio gives the standard streams to the container's user, so that it can
// reopen them through /dev/stdout.
type OwnStdio struct {
	UID       uint32
	PipesOnly bool // files are the caller's own
}

// SetPersonality sets the execution domain, see personality(2).
type SetPersonality struct{ Persona uint32 }

// SetScheduler calls sched_setattr(2).
type SetScheduler struct {
	Name                      string // of the policy
	Policy                    uint32
	Flags                     uint64
	Nice                      int
	Priority                  uint32
	Runtime, Deadline, Period uint64
}

// SetIOPriority calls ioprio_set(2).
type SetIOPriority struct{ Class, Priority int }

// SetMemoryPolicy calls set_mempolicy(2).
type SetMemoryPolicy struct {
	Name  string   // of the mode
	Mode  uint32   // with its flags
	Nodes []uint64 // a bit for each memory node, 64 in a word; empty: none
}

// SetLabels writes the LSM labels that execve will take.
type SetLabels struct {
	AppArmor, SELinux string
	Stack             bool // the AppArmor profile comes on top of the runtime's own
}

// SetIdentity sets umask, groups and ids, keeping capabilities until
// SetCapabilities.
type SetIdentity struct {
	UID, GID   uint32
	Groups     []uint32
	Umask      uint32
	KeepGroups bool // setgroups(2) is not possible or not wanted
}

// SetCapabilities sets the five sets, as bits by capability number.
type SetCapabilities struct {
	Bounding, Effective, Permitted, Inheritable, Ambient uint64
	Last                                                 int // the kernel's highest capability
	// KeepAdmin leaves CAP_SYS_ADMIN in permitted and effective, which execve
	// recomputes: loading a filter without no_new_privs needs it.
	KeepAdmin bool
}

// SetNoNewPrivs sets no_new_privs, see prctl(2).
type SetNoNewPrivs struct{}

// Chdir changes to the container's working directory and checks that it is
// inside the container (CVE-2024-21626).
type Chdir struct{ Path string }

// FindExecutable looks the program up in the container, by its user.
type FindExecutable struct {
	Name string
	Path string // the value of PATH
}

// WaitStart waits until someone opens the exec fifo.
type WaitStart struct{}

// SetRlimits sets this process's limits. It comes late: a Go program does not
// live with some of them.
type SetRlimits struct{ Limits []Rlimit }

// LoadSeccomp installs a filter. Nothing but execve may follow it, unless it
// notifies an agent.
type LoadSeccomp struct {
	Flags  uint32
	Filter []unix.SockFilter
	// Notify: loading makes a listener, which goes to the parent. Init waits
	// until the agent has it.
	Notify bool
}

// Execute replaces init by the container's process.
type Execute struct {
	Args []string
	Env  []string
	Home bool   // add HOME from the container's /etc/passwd
	UID  uint32 // whose home
	// ListenPID has init write its pid, which only it knows, into LISTEN_PID
	// of Env.
	ListenPID bool
	// Alone means that nobody waits for the outcome: if execve(2) refuses the program, the process says so on its own
	// standard error and ends with exit code 255.
	Alone bool
}

func (s *UnshareCgroup) String() string { return "make cgroup namespace" }
func (s *LoopbackUp) String() string    { return "bring up lo" }
func (s *Hooks) String() string {
	line := fmt.Sprintf("run %d %s hooks", len(s.Hooks), s.Kind)
	if s.Confined {
		line += ", under the process's limits and filter"
	}
	return line
}
func (s *SetHostname) String() string   { return "set hostname to " + strconv.Quote(s.Name) }
func (s *SetDomainname) String() string { return "set domainname to " + strconv.Quote(s.Name) }
func (s *Sysctl) String() string        { return "set sysctl " + s.Key + " to " + strconv.Quote(s.Value) }
func (s *JoinKeyring) String() string {
	line := "join session keyring " + strconv.Quote(s.Name)
	if s.Label != "" {
		line += " with label " + strconv.Quote(s.Label)
	}
	return line
}
func (s *Console) String() string    { return "make the terminal" }
func (s *ReopenNull) String() string { return "reopen /dev/null in the container" }
func (s *SetPersonality) String() string {
	name := "LINUX"
	if s.Persona != 0 {
		name = "LINUX32"
	}
	return fmt.Sprintf("set personality to %s (%#x)", name, s.Persona)
}
func (s *SetScheduler) String() string {
	line := "set scheduling policy " + s.Name
	if s.Nice != 0 {
		line += fmt.Sprintf(" nice %d", s.Nice)
	}
	if s.Priority != 0 {
		line += fmt.Sprintf(" priority %d", s.Priority)
	}
	if s.Runtime != 0 {
		line += fmt.Sprintf(" runtime %d deadline %d period %d ns", s.Runtime, s.Deadline, s.Period)
	}
	return line
}
func (s *SetIOPriority) String() string {
	class := "idle" // see ioprio_set(2)
	switch s.Class {
	case 1:
		class = "real time"
	case 2:
		class = "best effort"
	}
	return fmt.Sprintf("set io priority to %s, level %d", class, s.Priority)
}

func (s *SetMemoryPolicy) String() string {
	line := fmt.Sprintf("set memory policy %s (%#x)", s.Name, s.Mode)
	for i, word := range s.Nodes {
		for word != 0 {
			line += fmt.Sprintf(" node %d", i*64+bits.TrailingZeros64(word))
			word &= word - 1
		}
	}
	return line
}

func (s *OwnStdio) String() string {
	if s.PipesOnly {
		return fmt.Sprintf("give standard streams that are pipes to uid %d", s.UID)
	}
	return fmt.Sprintf("give standard streams to uid %d", s.UID)
}

func (s *Sync) String() string {
	switch {
	case s.Quiet && s.Phase == Done:
		return "end"
	case s.Quiet:
		return "wait for the parent's word to continue"
	}
	return "tell the parent: " + s.Phase.String()
}

func (s *SetLabels) String() string {
	line := "set label for execve:"
	if s.AppArmor != "" {
		line += " apparmor " + strconv.Quote(s.AppArmor)
		if s.Stack {
			line += " on top of the runtime's own"
		}
	}
	if s.SELinux != "" {
		line += " selinux " + strconv.Quote(s.SELinux)
	}
	return line
}

func (s *SetIdentity) String() string {
	return fmt.Sprintf("become uid %d gid %d groups %v umask %04o", s.UID, s.GID, s.Groups, s.Umask)
}

func (s *SetCapabilities) String() string {
	return fmt.Sprintf("set capabilities bounding=%#x effective=%#x permitted=%#x inheritable=%#x ambient=%#x",
		s.Bounding, s.Effective, s.Permitted, s.Inheritable, s.Ambient)
}
func (s *SetNoNewPrivs) String() string  { return "set no_new_privs" }
func (s *Chdir) String() string          { return "change directory to " + strconv.Quote(s.Path) }
func (s *FindExecutable) String() string { return "find executable " + strconv.Quote(s.Name) }
func (s *SetRlimits) String() string     { return "set limits " + limits(s.Limits) }
func (s *WaitStart) String() string      { return "wait for start" }
func (s *LoadSeccomp) String() string {
	line := fmt.Sprintf("load seccomp filter (%d instructions, flags %#x)", len(s.Filter), s.Flags)
	if s.Notify {
		line += ", hand its listener to the parent"
	}
	return line
}

func (s *Execute) String() string {
	quoted := make([]string, len(s.Args))
	for i, arg := range s.Args {
		quoted[i] = strconv.Quote(arg)
	}
	return "execute " + strings.Join(quoted, " ")
}
