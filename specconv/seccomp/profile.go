package seccomp

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/spell"
)

// profile is linux.seccomp, checked and in the kernel's words.
type profile struct {
	action  uint32  // default answer: SECCOMP_RET_*
	archs   []*arch // the native one first
	entries []entry // as long as linux.seccomp.syscalls
	flags   uint32
	notify  bool

	// enosys means that syscalls newer than the profile answer ENOSYS.
	enosys bool
}

// entry is one element of linux.seccomp.syscalls.
type entry struct {
	names  []string
	action uint32
	conds  []cond
	each   bool // every condition is a rule by itself
}

// cond is a condition on one syscall argument.
type cond struct {
	arg   uint8
	op    op
	value uint64
	mask  uint64 // all ones but for opMaskedEQ; value has no bit outside it
}

// op is a comparison of an argument with a value.
type op uint8

const (
	opEQ op = iota
	opNE
	opGT
	opLE
	opGE
	opLT
	opMaskedEQ // argument AND mask == value
)

const (
	retKillThread = unix.SECCOMP_RET_KILL_THREAD
	retENOSYS     = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)

	maxErrno = 4095 // MAX_ERRNO in linux/err.h
)

// MaxArgs is how many arguments a system call has at most.
const MaxArgs = 6

// check turns the configuration into a profile for the given native
// architecture. find gives the architectures that matter beside it.
func check(cfg *specs.LinuxSeccomp, native *arch, find func(string) *arch) (*profile, error) {
	p := &profile{}
	var err error
	if p.action, err = action(cfg.DefaultAction, cfg.DefaultErrnoRet, "linux.seccomp.default"); err != nil {
		return nil, err
	}
	if p.action == unix.SECCOMP_RET_USER_NOTIF {
		return nil, field("linux.seccomp.defaultAction", errors.New("SCMP_ACT_NOTIFY can't be the default action"))
	}
	if err = p.addArchs(cfg.Architectures, native, find); err != nil {
		return nil, err
	}
	if err = p.addEntries(cfg.Syscalls); err != nil {
		return nil, err
	}
	if p.notify && cfg.ListenerPath == "" {
		return nil, field("linux.seccomp.listenerPath", errors.New("empty, but a rule has the action SCMP_ACT_NOTIFY"))
	}
	if cfg.ListenerMetadata != "" && cfg.ListenerPath == "" {
		return nil, field("linux.seccomp.listenerMetadata", errors.New("set without listenerPath"))
	}
	if err = p.setFlags(cfg.Flags); err != nil {
		return nil, err
	}
	p.enosys = stubbed(p.action)
	return p, nil
}

// stubbed reports whether a default action is one for which newer syscalls
// answer ENOSYS. Where the default lets syscalls through (ALLOW, LOG) there is
// nothing to mend, and a tracer (TRACE) handles new syscalls itself.
func stubbed(action uint32) bool {
	switch action & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_TRACE:
		return false
	}
	return action != retENOSYS
}

func (p *profile) addArchs(names []specs.Arch, native *arch, find func(string) *arch) error {
	p.archs = append(make([]*arch, 0, 4), native)
next:
	for i, name := range names {
		a := find(string(name))
		if a == nil {
			if !knownArch(string(name)) {
				return unknown("linux.seccomp.architectures["+strconv.Itoa(i)+"]", string(name), "SCMP_ARCH_", SupportedArchs(),
					fmt.Errorf("unknown architecture %q, expected SCMP_ARCH_X86_64 or the like", name))
			}
			continue // this kernel can't run it
		}
		for _, have := range p.archs {
			if have == a {
				continue next
			}
		}
		p.archs = append(p.archs, a)
	}
	return nil
}

func (p *profile) addEntries(calls []specs.LinuxSyscall) error {
	args := 0
	for i := range calls {
		if args += len(calls[i].Args); args > MaxInsns {
			return field("linux.seccomp.syscalls["+strconv.Itoa(i)+"].args", tooMany(args, "conditions up to here"))
		}
	}
	conds := make([]cond, 0, args)
	p.entries = make([]entry, len(calls))
	for i := range calls {
		call, e := &calls[i], &p.entries[i]
		prefix := "linux.seccomp.syscalls[" + strconv.Itoa(i) + "]."
		var err error
		if e.action, err = action(call.Action, call.ErrnoRet, prefix); err != nil {
			return err
		}
		if e.action == unix.SECCOMP_RET_USER_NOTIF {
			p.notify = true
		}
		if len(call.Names) == 0 {
			return &plan.FieldError{Field: prefix + "names", Err: errors.New("empty, expected at least one syscall"),
				Hint: "name was the key of a single one, before the specification's version 1.0"}
		}
		if err = checkNames(call.Names, e.action, prefix); err != nil {
			return err
		}
		e.names = call.Names
		first := len(conds)
		if conds, e.each, err = appendConds(conds, call.Args, prefix); err != nil {
			return err
		}
		e.conds = conds[first:]
	}
	return nil
}

// tooMany refuses what can't become a filter, before time is spent on it that grows
// with the square of its size.
func tooMany(n int, what string) error {
	return fmt.Errorf("%d %s, of which each takes an instruction: the kernel takes at most %d", n, what, MaxInsns)
}

// handsOver names the system calls between a filter's loading and the moment
// when the agent has its listener. Write is not among ours; it is runc's, and a
// profile should mean the same everywhere.
func handsOver(name string) bool { return name == "sendmsg" || name == "recvmsg" || name == "write" }

// checkNames refuses what no rule can be made of. A rule that notifies on what
// hands the listener over is one: init would be the first to wait for the
// agent.
func checkNames(names []string, action uint32, prefix string) error {
	for i, name := range names {
		if name == "" {
			return field(prefix+"names["+strconv.Itoa(i)+"]", errors.New("empty, expected a syscall's name"))
		}
		if action == unix.SECCOMP_RET_USER_NOTIF && handsOver(name) {
			return field(prefix+"names["+strconv.Itoa(i)+"]",
				fmt.Errorf("SCMP_ACT_NOTIFY cannot be used for the %s syscall: the agent's listener could not be handed over", name))
		}
	}
	return nil
}

// appendConds checks and appends an entry's conditions, sorted by argument. As
// in runc, two conditions on the same argument make every condition of the
// entry a rule by itself (each is then true), where otherwise all must hold.
func appendConds(conds []cond, args []specs.LinuxSeccompArg, prefix string) (_ []cond, each bool, _ error) {
	first := len(conds)
	for i := range args {
		c, err := condition(&args[i], prefix, i)
		if err != nil {
			return nil, false, err
		}
		at := len(conds)
		for at > first && conds[at-1].arg > c.arg {
			at--
		}
		each = each || at > first && conds[at-1].arg == c.arg
		conds = append(conds, cond{})
		copy(conds[at+1:], conds[at:])
		conds[at] = c
	}
	return conds, each, nil
}

func condition(a *specs.LinuxSeccompArg, prefix string, i int) (cond, error) {
	c := cond{arg: uint8(a.Index), value: a.Value, mask: ^uint64(0)}
	switch a.Op {
	case specs.OpEqualTo:
		c.op = opEQ
	case specs.OpNotEqual:
		c.op = opNE
	case specs.OpGreaterThan:
		c.op = opGT
	case specs.OpLessEqual:
		c.op = opLE
	case specs.OpGreaterEqual:
		c.op = opGE
	case specs.OpLessThan:
		c.op = opLT
	case specs.OpMaskedEqual:
		// libseccomp drops the value's bits outside the mask.
		c.op, c.mask, c.value = opMaskedEQ, a.Value, a.ValueTwo&a.Value
	default:
		return c, field(prefix+"args["+strconv.Itoa(i)+"].op",
			fmt.Errorf("unknown operator %q, expected SCMP_CMP_EQ, NE, LT, LE, GT, GE or MASKED_EQ", a.Op))
	}
	if a.Index >= MaxArgs {
		return c, field(prefix+"args["+strconv.Itoa(i)+"].index",
			fmt.Errorf("%d, expected 0 to %d", a.Index, MaxArgs-1))
	}
	return c, nil
}

// setFlags follows runc: no list at all means SPEC_ALLOW, an empty one means
// none.
func (p *profile) setFlags(flags []specs.LinuxSeccompFlag) error {
	if flags == nil {
		p.flags = unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
	for i, f := range flags {
		switch f {
		case specs.LinuxSeccompFlagLog:
			p.flags |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			p.flags |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		case specs.LinuxSeccompFlagWaitKillableRecv:
			if p.notify {
				p.flags |= unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
			}
		case "SECCOMP_FILTER_FLAG_TSYNC":
		default:
			return field("linux.seccomp.flags["+strconv.Itoa(i)+"]",
				fmt.Errorf("unknown flag %q, expected SECCOMP_FILTER_FLAG_LOG, SPEC_ALLOW, TSYNC or WAIT_KILLABLE_RECV", f))
		}
	}
	if p.notify {
		p.flags |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	return nil
}

// action turns an action and its errno into a filter's return value. at is
// the field's prefix: the keys are action and errnoRet, or defaultAction and
// defaultErrnoRet.
func action(a specs.LinuxSeccompAction, errnoRet *uint, at string) (uint32, error) {
	var ret uint32
	switch a {
	case specs.ActAllow:
		ret = unix.SECCOMP_RET_ALLOW
	case specs.ActErrno:
		ret = unix.SECCOMP_RET_ERRNO
	case specs.ActKill, specs.ActKillThread:
		ret = unix.SECCOMP_RET_KILL_THREAD
	case specs.ActKillProcess:
		ret = unix.SECCOMP_RET_KILL_PROCESS
	case specs.ActTrap:
		ret = unix.SECCOMP_RET_TRAP
	case specs.ActTrace:
		ret = unix.SECCOMP_RET_TRACE
	case specs.ActLog:
		ret = unix.SECCOMP_RET_LOG
	case specs.ActNotify:
		ret = unix.SECCOMP_RET_USER_NOTIF
	default:
		return 0, unknown(key(at, "action"), string(a), "SCMP_ACT_", SupportedActions(), fmt.Errorf("unknown action %q, expected SCMP_ACT_ALLOW, SCMP_ACT_ERRNO or the like", a))
	}
	if a != specs.ActErrno && a != specs.ActTrace {
		if errnoRet != nil {
			return 0, field(key(at, "errnoRet"), fmt.Errorf("%d, but %s returns no errno", *errnoRet, a))
		}
		return ret, nil
	}
	if errnoRet == nil {
		return ret | uint32(unix.EPERM), nil
	}
	most := uint(unix.SECCOMP_RET_DATA)
	if a == specs.ActErrno {
		most = maxErrno // the kernel would answer it for any that is greater
	}
	if *errnoRet > most {
		return 0, field(key(at, "errnoRet"), fmt.Errorf("%d is out of range, expected at most %d", *errnoRet, most))
	}
	return ret | uint32(*errnoRet), nil
}

// key joins a prefix that ends in "default" or "." with a key of config.json.
func key(prefix, name string) string {
	if prefix[len(prefix)-1] == '.' {
		return prefix + name
	}
	return prefix + string(name[0]-'a'+'A') + name[1:]
}

func knownArch(name string) bool {
	for _, known := range SupportedArchs() {
		if name == known {
			return true
		}
	}
	return false
}

func field(name string, err error) error { return &plan.FieldError{Field: name, Err: err} }

// unknown is field for a value that is none of the words there are, all of which have a prefix.
func unknown(name, value, prefix string, words []string, err error) error {
	return &plan.FieldError{Field: name, Err: err, Hint: spell.HintPrefixed(value, prefix, words)}
}
