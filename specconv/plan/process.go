package plan

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// UnshareCgroup makes the cgroup namespace. Init does it itself, because one
// made by clone3 with CLONE_INTO_CGROUP would be rooted in the parent's cgroup.
type UnshareCgroup struct{}

func (*UnshareCgroup) InitKind() Kind    { return KindUnshareCgroup }
func (*UnshareCgroup) Code(*codec.Coder) {}
func (s *UnshareCgroup) String() string  { return "make cgroup namespace" }

// LoopbackUp brings up the interface lo of a new network namespace.
type LoopbackUp struct{}

func (*LoopbackUp) InitKind() Kind    { return KindLoopbackUp }
func (*LoopbackUp) Code(*codec.Coder) {}
func (s *LoopbackUp) String() string  { return "bring up lo" }

// SetHostname sets the UTS namespace's host name.
type SetHostname struct{ Name string }

func (*SetHostname) InitKind() Kind        { return KindSetHostname }
func (s *SetHostname) Code(c *codec.Coder) { c.Str(&s.Name) }
func (s *SetHostname) String() string      { return "set hostname to " + strconv.Quote(s.Name) }

// SetDomainname sets the UTS namespace's NIS domain name.
type SetDomainname struct{ Name string }

func (*SetDomainname) InitKind() Kind        { return KindSetDomainname }
func (s *SetDomainname) Code(c *codec.Coder) { c.Str(&s.Name) }
func (s *SetDomainname) String() string      { return "set domainname to " + strconv.Quote(s.Name) }

// Sysctl writes a kernel parameter through a private procfs.
type Sysctl struct {
	Key   string // "net.ipv4.ip_forward"
	Path  string // of it in procfs: "sys/net/ipv4/ip_forward"
	Value string
}

func (*Sysctl) InitKind() Kind { return KindSysctl }

func (s *Sysctl) Code(c *codec.Coder) {
	c.Str(&s.Key)
	c.Str(&s.Path)
	c.Str(&s.Value)
}

func (s *Sysctl) String() string { return "set sysctl " + s.Key + " to " + strconv.Quote(s.Value) }

// NewSysctl makes the step from a parameter's dotted name.
func NewSysctl(key, value string) *Sysctl {
	return &Sysctl{Key: key, Path: "sys/" + SwapSeparators(key), Value: value}
}

// SysctlPath is that of a parameter below /proc/sys, by its name in either form.
func SysctlPath(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return name
	}
	return SwapSeparators(name)
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

func (*JoinKeyring) InitKind() Kind { return KindJoinKeyring }

func (s *JoinKeyring) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.Str(&s.Label)
}

func (s *JoinKeyring) String() string {
	line := "join session keyring " + strconv.Quote(s.Name)
	if s.Label != "" {
		line += " with label " + strconv.Quote(s.Label)
	}
	return line
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

func (*Console) InitKind() Kind { return KindConsole }

func (s *Console) Code(c *codec.Coder) {
	c.U32(&s.Width)
	c.U32(&s.Height)
	c.U32(&s.UID)
	c.Flag(&s.Mount)
	c.Flag(&s.PlainLines)
	c.Flag(&s.Uncontrolled)
}

func (s *Console) String() string { return "make the terminal" }

// ReopenNull has the standard streams that are the host's /dev/null refer to
// the container's.
type ReopenNull struct{}

func (*ReopenNull) InitKind() Kind    { return KindReopenNull }
func (*ReopenNull) Code(*codec.Coder) {}
func (s *ReopenNull) String() string  { return "reopen /dev/null in the container" }

// OwnStdio gives the standard streams to the container's user, so that it can
// reopen them through /dev/stdout.
type OwnStdio struct {
	UID       uint32
	PipesOnly bool // files are the caller's own
}

func (*OwnStdio) InitKind() Kind { return KindOwnStdio }

func (s *OwnStdio) Code(c *codec.Coder) {
	c.U32(&s.UID)
	c.Flag(&s.PipesOnly)
}

func (s *OwnStdio) String() string {
	if s.PipesOnly {
		return fmt.Sprintf("give standard streams that are pipes to uid %d", s.UID)
	}
	return fmt.Sprintf("give standard streams to uid %d", s.UID)
}

// SetPersonality sets the execution domain, see personality(2).
type SetPersonality struct{ Persona uint32 }

func (*SetPersonality) InitKind() Kind        { return KindSetPersonality }
func (s *SetPersonality) Code(c *codec.Coder) { c.U32(&s.Persona) }

func (s *SetPersonality) String() string {
	name := "LINUX"
	if s.Persona != 0 {
		name = "LINUX32"
	}
	return fmt.Sprintf("set personality to %s (%#x)", name, s.Persona)
}

// SetScheduler calls sched_setattr(2).
type SetScheduler struct {
	Name                      string // of the policy
	Policy                    uint32
	Flags                     uint64
	Nice                      int
	Priority                  uint32
	Runtime, Deadline, Period uint64
}

func (*SetScheduler) InitKind() Kind { return KindSetScheduler }

func (s *SetScheduler) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.U32(&s.Policy)
	c.U64(&s.Flags)
	c.Num(&s.Nice)
	c.U32(&s.Priority)
	c.U64(&s.Runtime)
	c.U64(&s.Deadline)
	c.U64(&s.Period)
}

// Attr is what sched_setattr(2) takes.
func (s *SetScheduler) Attr() unix.SchedAttr {
	return unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: s.Policy, Flags: s.Flags, Nice: int32(s.Nice), Priority: s.Priority,
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	}
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

// SetIOPriority calls ioprio_set(2).
type SetIOPriority struct{ Class, Priority int }

func (*SetIOPriority) InitKind() Kind { return KindSetIOPriority }

func (s *SetIOPriority) Code(c *codec.Coder) {
	c.Num(&s.Class)
	c.Num(&s.Priority)
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

// SetMemoryPolicy calls set_mempolicy(2).
type SetMemoryPolicy struct {
	Name  string   // of the mode
	Mode  uint32   // with its flags
	Nodes []uint64 // a bit for each memory node, 64 in each; empty: none
}

func (*SetMemoryPolicy) InitKind() Kind { return KindSetMemoryPolicy }

func (s *SetMemoryPolicy) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.U32(&s.Mode)
	codec.Plain(c, &s.Nodes)
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

// SetLabels writes the LSM labels that execve will take.
type SetLabels struct {
	AppArmor, SELinux string
	Stack             bool // the AppArmor profile comes on top of the runtime's own
}

func (*SetLabels) InitKind() Kind { return KindSetLabels }

func (s *SetLabels) Code(c *codec.Coder) {
	c.Str(&s.AppArmor)
	c.Str(&s.SELinux)
	c.Flag(&s.Stack)
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

// SetIdentity sets umask, groups and ids, keeping capabilities until
// SetCapabilities.
type SetIdentity struct {
	UID, GID   uint32
	Groups     []uint32
	Umask      uint32
	KeepGroups bool // setgroups(2) is not possible or not wanted
}

func (*SetIdentity) InitKind() Kind { return KindSetIdentity }

func (s *SetIdentity) Code(c *codec.Coder) {
	c.U32(&s.UID)
	c.U32(&s.GID)
	codec.Plain(c, &s.Groups)
	c.U32(&s.Umask)
	c.Flag(&s.KeepGroups)
}

func (s *SetIdentity) String() string {
	return fmt.Sprintf("become uid %d gid %d groups %v umask %04o", s.UID, s.GID, s.Groups, s.Umask)
}

// SetCapabilities sets the five sets, as bits by capability number.
type SetCapabilities struct {
	Bounding, Effective, Permitted, Inheritable, Ambient uint64
	Last                                                 int // the kernel's highest capability
	// KeepAdmin leaves CAP_SYS_ADMIN in permitted and effective, which execve
	// recomputes: loading a filter without no_new_privs needs it.
	KeepAdmin bool
}

func (*SetCapabilities) InitKind() Kind { return KindSetCapabilities }

func (s *SetCapabilities) Code(c *codec.Coder) {
	c.U64(&s.Bounding)
	c.U64(&s.Effective)
	c.U64(&s.Permitted)
	c.U64(&s.Inheritable)
	c.U64(&s.Ambient)
	c.Num(&s.Last)
	c.Flag(&s.KeepAdmin)
}

func (s *SetCapabilities) String() string {
	return fmt.Sprintf("set capabilities bounding=%#x effective=%#x permitted=%#x inheritable=%#x ambient=%#x",
		s.Bounding, s.Effective, s.Permitted, s.Inheritable, s.Ambient)
}

// SetNoNewPrivs sets no_new_privs, see prctl(2).
type SetNoNewPrivs struct{}

func (*SetNoNewPrivs) InitKind() Kind    { return KindSetNoNewPrivs }
func (*SetNoNewPrivs) Code(*codec.Coder) {}
func (s *SetNoNewPrivs) String() string  { return "set no_new_privs" }

// Chdir changes to the container's working directory and checks that it is
// inside the container (CVE-2024-21626).
type Chdir struct{ Path string }

func (*Chdir) InitKind() Kind        { return KindChdir }
func (s *Chdir) Code(c *codec.Coder) { c.Str(&s.Path) }
func (s *Chdir) String() string      { return "change directory to " + strconv.Quote(s.Path) }

// FindExecutable looks the program up in the container, by its user.
type FindExecutable struct {
	Name string
	Path string // the value of PATH
}

func (*FindExecutable) InitKind() Kind { return KindFindExecutable }

func (s *FindExecutable) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.Str(&s.Path)
}

func (s *FindExecutable) String() string { return "find executable " + strconv.Quote(s.Name) }

// WaitStart waits until start writes to exec.fifo.
type WaitStart struct {
	Hinders []string // what the filter denies so that it is only loaded afterwards
}

func (*WaitStart) InitKind() Kind        { return KindWaitStart }
func (s *WaitStart) Code(c *codec.Coder) { c.Strs(&s.Hinders) }
func (s *WaitStart) String() string      { return "wait for start" + without(s.Hinders) }

// without says why a step is taken without the filter, if it could be with it.
func without(hinders []string) string {
	if len(hinders) == 0 {
		return ""
	}
	return ", without the filter, which denies " + strings.Join(hinders, ", ")
}

// SetRlimits sets this process's limits.
type SetRlimits struct{ Limits []Rlimit }

func (*SetRlimits) InitKind() Kind { return KindSetRlimits }

func (s *SetRlimits) Code(c *codec.Coder) {
	codec.Room(c, &s.Limits)
	for i := range s.Limits {
		l := &s.Limits[i]
		c.Str(&l.Type)
		c.Num(&l.Resource)
		c.U64(&l.Soft)
		c.U64(&l.Hard)
	}
}

func (s *SetRlimits) String() string { return "set limits " + limits(s.Limits) }

// LoadSeccomp installs a filter. What follows it is what specconv's early knows of.
type LoadSeccomp struct {
	Flags  uint32
	Filter []unix.SockFilter
	// Notify: loading makes a listener, which goes to the parent. Init waits
	// until the agent has it.
	Notify bool
	// Mark is the upper half of the flags of the calls that hand it over, see
	// seccomp.NotifyAllowed; 0 without one.
	Mark uint32
}

func (*LoadSeccomp) InitKind() Kind { return KindLoadSeccomp }

func (s *LoadSeccomp) Code(c *codec.Coder) {
	c.U32(&s.Flags)
	c.Flag(&s.Notify)
	c.U32(&s.Mark)
	codec.Plain(c, &s.Filter)
}

func (s *LoadSeccomp) String() string {
	line := fmt.Sprintf("load seccomp filter (%d instructions, flags %#x)", len(s.Filter), s.Flags)
	if s.Notify {
		line += ", hand its listener to the parent"
	}
	return line
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
	// Alone means that no caller waits for the outcome: if execve(2) refuses the program, the process says so on its own
	// standard error and ends with exit code 255.
	Alone bool
}

func (*Execute) InitKind() Kind { return KindExecute }

func (s *Execute) Code(c *codec.Coder) {
	c.Strs(&s.Args)
	c.Flag(&s.Home)
	if s.Home {
		c.StrsAndOne(&s.Env) // room for it
	} else {
		c.Strs(&s.Env)
	}
	c.U32(&s.UID)
	c.Flag(&s.ListenPID)
	c.Flag(&s.Alone)
}

func (s *Execute) String() string {
	quoted := make([]string, len(s.Args))
	for i, arg := range s.Args {
		quoted[i] = strconv.Quote(arg)
	}
	return "execute " + strings.Join(quoted, " ")
}
