package specconv

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

// privilegeBuilder plans what the process may do: its capabilities and its filter,
// which depend on each other.
type privilegeBuilder struct {
	*draft
	ns    *namespaceBuilder
	proc  *processBuilder
	hooks *hookBuilder

	capabilities *plan.SetCapabilities
	filter       *plan.LoadSeccomp // nil: none
	loaded       *plan.LoadSeccomp // the filter, as init is to load it
}

// planSeccomp compiles linux.seccomp, if there is anything in it.
func (b *privilegeBuilder) planSeccomp() error {
	program, err := seccomp.Compile(b.linux.Seccomp)
	if err != nil {
		return err
	}
	if program == nil { // an empty object asks for no filter
		return b.planLoading()
	}
	if len(program.Skipped) > 0 && b.annotated(failUnknownSyscall) {
		return invalid("linux.seccomp.syscalls", "", "unknown syscalls: %s, and the annotation %s makes that an error",
			strings.Join(program.Skipped, ", "), failUnknownSyscall)
	}
	if unknown := slices.DeleteFunc(slices.Clone(program.Skipped), foreignSyscall); len(unknown) > 0 {
		b.warn("linux.seccomp.syscalls", "unknown syscalls are ignored: "+strings.Join(unknown, ", "))
	}
	if !program.Notify && program.Never(unix.SYS_EXECVE) && program.Never(unix.SYS_EXIT) && program.Never(unix.SYS_EXIT_GROUP) {
		return invalid("linux.seccomp", "allow what the program needs, execve and exit_group at least",
			"the profile allows neither execve nor exit: no program could be executed under it, nor end")
	}
	b.filter = loadSeccomp(program)
	if err := b.checkNotify(); err != nil {
		return err
	}
	return b.planLoading()
}

// watches reports whether the runtime hears of the container's system calls.
func (b *privilegeBuilder) watches() bool { return b.opts.Watch.By != "" }

// planLoading finds out what init has to load: the filter or, if the runtime is to hear of calls,
// one that reports them instead of answering as the filter does.
func (b *privilegeBuilder) planLoading() error {
	b.loaded = b.filter
	if !b.watches() {
		return nil
	}
	w := &b.opts.Watch
	switch {
	case b.opts.Detach:
		return invalid("", "", "%s needs somebody to stay who answers: not detached", w.By)
	case b.filter == nil && !w.All:
		return invalid("linux.seccomp", "", "%s: the container has no seccomp filter that could refuse a call", w.By)
	case b.filter != nil && b.filter.Notify:
		return invalid("linux.seccomp", "", "%s does not go with SCMP_ACT_NOTIFY: the kernel has one listener for all filters of a process, and that is the agent's", w.By)
	}
	b.loaded = &plan.LoadSeccomp{Flags: w.Flags | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, Notify: true}
	var filter []unix.SockFilter
	if b.filter != nil {
		filter = b.filter.Filter
		b.loaded.Flags |= b.filter.Flags
	}
	if w.All {
		b.loaded.Filter, b.loaded.Mark = seccomp.NotifyAllowed(filter), seccomp.HandOverMark
	} else {
		b.loaded.Filter = seccomp.NotifyRefused(filter)
	}
	if n := len(b.loaded.Filter); n > seccomp.MaxInsns {
		return invalid("linux.seccomp", "", "%s: the filter has %d instructions with those that it takes to report calls, the kernel takes at most %d", w.By, n, seccomp.MaxInsns)
	}
	return nil
}

// Filter compiles a seccomp profile as [Plan] does. It is nil if there is none, or nothing in it.
func Filter(profile *specs.LinuxSeccomp) (*plan.LoadSeccomp, error) {
	program, err := seccomp.Compile(profile)
	if err != nil || program == nil {
		return nil, err
	}
	return loadSeccomp(program), nil
}

func loadSeccomp(p *seccomp.Program) *plan.LoadSeccomp {
	return &plan.LoadSeccomp{Flags: p.Flags, Filter: p.Filter, Notify: p.Notify}
}

// checkNotify checks what a filter that notifies needs beside itself.
func (b *privilegeBuilder) checkNotify() error {
	if b.filter == nil || !b.filter.Notify {
		return nil
	}
	if path := b.linux.Seccomp.ListenerPath; path[0] != '/' {
		return invalid("linux.seccomp.listenerPath", "", "%q is not absolute, expected the absolute path of the agent's socket", path)
	}
	return nil
}

// foreignSyscall reports whether a name is known to be one of an architecture
// that has no table here. podman's and buildah's own profiles have these on every
// machine; a warning with each container would be noise.
func foreignSyscall(name string) bool {
	switch name {
	case "pciconfig_iobase", "pciconfig_read", "pciconfig_write", "swapcontext", "syscall", "timerfd":
		return true
	}
	return false
}
