package specconv

import (
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/seccomp"
)

// planSeccomp compiles linux.seccomp.
func (b *builder) planSeccomp() error {
	cfg := b.linux.Seccomp
	if cfg == nil {
		return nil
	}
	program, err := seccomp.Compile(cfg)
	if err != nil {
		return err
	}
	if program.Notify {
		return unsupported("linux.seccomp", "the action SCMP_ACT_NOTIFY")
	}
	for _, name := range program.Skipped {
		b.warn("linux.seccomp.syscalls", "unknown syscall "+name+" is ignored")
	}
	b.filter = &plan.LoadSeccomp{Flags: program.Flags, Filter: program.Filter}
	return nil
}
