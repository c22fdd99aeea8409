// Package lsm writes security labels for the next execve, through a procfs
// that no container can have tampered with (CVE-2019-16884, CVE-2025-52881).
package lsm

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
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
		return write(proc, self, "/attr/exec", s.SELinux)
	}
	return nil
}

const keyCreate = "thread-self/attr/keycreate"

// LabelKeys has the calling thread's new keys and keyrings carry an SELinux
// label, until UnlabelKeys.
func LabelKeys(proc sys.Proc, label string) error { return proc.Write(keyCreate, label) }

// UnlabelKeys ends what LabelKeys began.
func UnlabelKeys(proc sys.Proc) { proc.Write(keyCreate, "\n") }

// appArmor prefers AppArmor's own directory: attr/exec is that of the first
// LSM, which may be another one.
func appArmor(proc sys.Proc, self string, s *plan.SetLabels) error {
	var command raw.Text
	if s.Stack {
		command.Add("stack ")
	} else {
		command.Add("exec ")
	}
	command.Add(s.AppArmor)
	if command.Cut { // AppArmor would take it for another profile's
		return fault.New(unix.ENAMETOOLONG, "the AppArmor profile's name")
	}
	err := write(proc, self, "/attr/apparmor/exec", command.String())
	if fault.Is(err, unix.ENOENT) && fault.IsKind(err, fault.Opening) { // Linux before 5.8
		err = write(proc, self, "/attr/exec", command.String())
	}
	if fault.Is(err, unix.ENOENT) {
		// Not in the errno's words: engines read "no such file or directory" as "the
		// container's command was not found".
		return fault.New(unix.ENOENT, "no AppArmor profile of that name is loaded%n")
	}
	return err
}

// write writes a file of the thread's own directory.
func write(proc sys.Proc, self, file, value string) error {
	var path raw.Text
	path.Add(self).Add(file)
	return proc.Write(path.String(), value)
}
