package specconv

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

// call is a system call that init makes under the filter, if that is loaded early.
type call struct {
	name string
	nr   uint32
	args []uint64 // those that are known, from the first on
}

var (
	callCapset  = call{"capset", unix.SYS_CAPSET, nil}
	callSendmsg = call{"sendmsg", unix.SYS_SENDMSG, nil}
	callRecvmsg = call{"recvmsg", unix.SYS_RECVMSG, nil}
	callExecve  = call{"execve", unix.SYS_EXECVE, nil}
	callRead    = call{"read", unix.SYS_READ, nil}
	callWrite   = call{"write", unix.SYS_WRITE, nil}
	callClose   = call{"close", unix.SYS_CLOSE, nil}
	callPrlimit = call{"prlimit64", unix.SYS_PRLIMIT64, nil}
	callSetsid  = call{"setsid", unix.SYS_SETSID, nil}
	callGetpid  = call{"getpid", unix.SYS_GETPID, nil}

	// waitCalls are what waiting for start takes.
	waitCalls = []call{callRead, callClose, {"prctl", unix.SYS_PRCTL, []uint64{unix.PR_SET_NAME}}}

	// hookCalls are what running a hook takes.
	hookCalls = []call{
		callGetpid, callRead, callClose,
		{"pipe2", unix.SYS_PIPE2, nil}, {"fcntl", unix.SYS_FCNTL, nil}, {"rt_sigaction", unix.SYS_RT_SIGACTION, nil},
		{"clone", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD), 0}}, {"setpgid", unix.SYS_SETPGID, nil}, {"dup3", unix.SYS_DUP3, nil},
		{"pidfd_open", unix.SYS_PIDFD_OPEN, nil}, {"ppoll", unix.SYS_PPOLL, nil}, {"writev", unix.SYS_WRITEV, nil},
		{"wait4", unix.SYS_WAIT4, nil}, {"kill", unix.SYS_KILL, nil}, {"clock_gettime", unix.SYS_CLOCK_GETTIME, nil},
	}
)

// filterCalls are what loading the filter itself leaves to do.
func (b *privilegeBuilder) filterCalls() (calls []call) {
	if b.loaded.Notify {
		calls = append(calls, callSendmsg, callRecvmsg, callExecve)
	}
	if b.watches() {
		calls = append(calls, callClose)
	}
	if b.capabilities.KeepAdmin {
		calls = append(calls, callCapset)
	}
	return calls
}

// cloneCalls are what it takes under the filter to clone the process that stays, and
// that process to go on. No agent hears of a notification by then.
func (b *privilegeBuilder) cloneCalls() []call {
	calls := []call{
		callSendmsg, {"clone", unix.SYS_CLONE, []uint64{unix.CLONE_PARENT | unix.CLONE_PIDFD | uint64(unix.SIGCHLD), 0}},
		{"exit_group", unix.SYS_EXIT_GROUP, nil}, callRead, callWrite,
	}
	if b.capabilities.KeepAdmin {
		calls = append(calls, callCapset)
	}
	if b.loaded.Notify {
		calls = append(calls, callRecvmsg, callClose)
	}
	if b.process.Terminal {
		calls = append(calls, callSetsid, call{"ioctl", unix.SYS_IOCTL, []uint64{0, unix.TIOCSCTTY, 0}})
	}
	return calls
}

// earlyCreate reports whether init can load the filter before it is ready: then a process
// that waits for start, and one that can trace it, has no more than the container's own
// process will have. It is possible if the filter lets through what is still to be called by
// then, which hinders names.
//
// Of a filter that notifies there is no other way, because the listener goes to its agent
// before create is done. Nor is there without no_new_privs, or waiting would require a
// privilege. In run there is no wait, but where a pid namespace is joined others see init.
func (b *privilegeBuilder) earlyCreate() (early bool, hinders []string, err error) {
	if b.loaded == nil {
		return false, nil, nil
	}
	calls := append(b.filterCalls(), callWrite)
	if !b.opts.Run {
		calls = append(calls, waitCalls...)
	}
	if len(b.hooks.list.StartContainer) > 0 {
		calls = append(calls, hookCalls...)
		if len(b.proc.ownRlimits()) > 0 {
			calls = append(calls, callPrlimit)
		}
	}
	lets := b.lets
	if b.filter != nil && b.filter.Notify { // the agent may be asked, which is there by then
		program := seccomp.Program{Filter: b.filter.Filter}
		lets = func(c call) bool { return !program.Denies(c.nr, c.args...) }
	}
	hinders = missing(calls, lets)
	if b.ns.pidLast != nil {
		calls = append(b.cloneCalls(), callRecvmsg)
		if b.opts.ListenFDs > 0 {
			calls = append(calls, callGetpid)
		}
		hinders = append(hinders, missing(calls, func(c call) bool { return slices.Contains(hinders, c.name) || b.lets(c) })...)
	}
	switch {
	case len(hinders) == 0:
		return true, nil, nil
	case b.loaded.Notify:
		return false, nil, hindered(hinders, b.withListener())
	case b.opts.Run && b.ns.pidLast == nil:
		return false, nil, nil
	case b.capabilities.KeepAdmin:
		return false, nil, hindered(hinders, noPrivs)
	}
	return false, hinders, nil
}

// earlyExec reports the same for exec: then the process that init clones never is without the
// filter, nor has the privilege that loading takes.
func (b *privilegeBuilder) earlyExec() (early bool, hinders []string, err error) {
	if b.loaded == nil {
		return false, nil, nil
	}
	calls := b.cloneCalls()
	if b.loaded.Notify {
		calls = append(calls, callExecve)
	}
	hinders = missing(calls, b.lets)
	switch {
	case len(hinders) == 0:
		return true, nil, nil
	case b.loaded.Notify:
		return false, nil, hindered(hinders, b.withListener())
	case b.capabilities.KeepAdmin:
		return false, nil, hindered(hinders, noPrivs)
	}
	return false, hinders, nil
}

// withListener says why there is a listener to be handed over.
func (b *privilegeBuilder) withListener() string {
	if b.watches() {
		return "with " + b.opts.Watch.By
	}
	return "with SCMP_ACT_NOTIFY"
}

const noPrivs = "without process.noNewPrivileges"

func hindered(names []string, when string) error {
	hint := "allow them"
	if when == noPrivs {
		hint += ", or set process.noNewPrivileges"
	}
	return invalid("linux.seccomp", hint, "does not allow %s: %s the filter is loaded while the container's init still needs these",
		strings.Join(names, ", "), when)
}

// lets reports whether the filter lets a call through without asking an agent.
func (b *privilegeBuilder) lets(c call) bool {
	if b.filter == nil {
		return true
	}
	program := seccomp.Program{Filter: b.filter.Filter}
	return program.Lets(c.nr, c.args...)
}

// missing names the calls that are not let through, each once.
func missing(calls []call, lets func(call) bool) (names []string) {
	for _, c := range calls {
		if !slices.Contains(names, c.name) && !lets(c) {
			names = append(names, c.name)
		}
	}
	return names
}

// cloneInside plans the process that init clones, with what comes around it: the filter, if
// it can be loaded before, and limits, which it has before only if the filter denies setting
// them later, or cloning would be under them.
func (b *privilegeBuilder) cloneInside(s *plan.CloneInside, early, limits bool) {
	inherits := early && limits && !b.lets(callPrlimit)
	if inherits {
		b.proc.setRlimits()
	}
	if early {
		b.loadFilter()
	}
	s.Terminal, s.Sessionless = b.process.Terminal, early && !b.lets(callSetsid)
	b.add("", s)
	if limits && !inherits {
		b.proc.setRlimits()
	}
}

// loadFilter plans loading the filter, and giving up what that takes.
func (b *privilegeBuilder) loadFilter() {
	b.addLast(b.loaded)
	if c := b.capabilities; c.KeepAdmin {
		b.add("process.capabilities", &plan.DropAdmin{Effective: c.Effective, Permitted: c.Permitted, Inheritable: c.Inheritable})
	}
}

// RuntimeCalls are the calls that the runtime makes under a container's filter, so that it can
// be loaded early, in create, run and exec, and be watched.
func RuntimeCalls(spec *specs.Spec) []seccomp.Need {
	b := &privilegeBuilder{
		draft: &draft{process: spec.Process, opts: &Options{}}, loaded: &plan.LoadSeccomp{Notify: true},
		capabilities: &plan.SetCapabilities{KeepAdmin: !spec.Process.NoNewPrivileges},
	}
	calls := append(b.filterCalls(), callWrite)
	calls = append(append(calls, waitCalls...), b.cloneCalls()...)
	if spec.Hooks != nil && len(spec.Hooks.StartContainer) > 0 {
		calls = append(append(calls, hookCalls...), callPrlimit)
	}
	needs := make([]seccomp.Need, len(calls))
	for i, c := range calls {
		needs[i] = seccomp.Need{Name: c.name, Args: c.args}
	}
	return needs
}
