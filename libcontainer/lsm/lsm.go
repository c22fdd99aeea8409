// Package lsm writes security labels for the next execve, through a procfs
// that no container can have tampered with (CVE-2019-16884, CVE-2025-52881).
package lsm

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
)

// Apply sets the labels that the calling thread's next execve takes on. self is
// the thread's own directory in proc.
func Apply(proc sys.Proc, self string, s *plan.SetLabels) error {
	if s.AppArmor != "" {
		if err := appArmor(proc, self, s); err != nil {
			return err
		}
	}
	if s.SELinux != "" {
		if err := proc.Write(self+"/attr/exec", s.SELinux); err != nil {
			return err
		}
	}
	return nil
}

// LabelKeys has the calling thread's new keys and keyrings carry an SELinux
// label, until what it returns is called.
func LabelKeys(proc sys.Proc, label string) (undo func(), err error) {
	const file = "thread-self/attr/keycreate"
	if err := proc.Write(file, label); err != nil {
		return nil, err
	}
	return func() { proc.Write(file, "\n") }, nil
}

// errNoProfile avoids the errno's words: engines read "no such file or directory"
// as "the container's command was not found".
var errNoProfile = unknownProfile{}

type unknownProfile struct{}

func (unknownProfile) Error() string { return "no AppArmor profile of that name is loaded" }
func (unknownProfile) Unwrap() error { return unix.ENOENT }

// appArmor prefers AppArmor's own directory: attr/exec is that of the first
// LSM, which may be another one.
func appArmor(proc sys.Proc, self string, s *plan.SetLabels) error {
	command := "exec " + s.AppArmor
	if s.Stack {
		command = "stack " + s.AppArmor
	}
	err := proc.Write(self+"/attr/apparmor/exec", command)
	if fault.Is(err, unix.ENOENT) && strings.HasPrefix(fault.Of(err).Text, "open ") { // Linux before 5.8
		err = proc.Write(self+"/attr/exec", command)
	}
	if errors.Is(err, unix.ENOENT) {
		return errNoProfile
	}
	return err
}
