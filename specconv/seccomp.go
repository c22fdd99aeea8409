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
}

// planSeccomp compiles linux.seccomp, if there is anything in it.
func (b *privilegeBuilder) planSeccomp() error {
	program, err := seccomp.Compile(b.linux.Seccomp)
	if err != nil || program == nil { // an empty object asks for no filter
		return err
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
	return b.checkNotify()
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
