package specconv

import (
	"strings"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/seccomp"
)

// planSeccomp compiles linux.seccomp, if there is anything in it.
func (b *builder) planSeccomp() error {
	program, err := seccomp.Compile(b.linux.Seccomp)
	if err != nil || program == nil {
		return err
	}
	if program == nil {
		return nil // an empty object asks for no filter
	}
	if program.Notify {
		return unsupported("linux.seccomp", "the action SCMP_ACT_NOTIFY")
	}
	if len(program.Skipped) > 0 {
		b.warn("linux.seccomp.syscalls", "unknown syscalls are ignored: "+strings.Join(program.Skipped, ", "))
	}
	b.filter = &plan.LoadSeccomp{Flags: program.Flags, Filter: program.Filter}
	return nil
}
