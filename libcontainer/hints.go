package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// stepHint is what a person can do about a step of init's that the kernel has
// refused, where the errno alone misleads; mostly nothing.
func stepHint(step plan.Step, errno unix.Errno) string {
	if s, ok := step.(*plan.SetLabels); ok {
		return labelHint(s, errno)
	}
	return ""
}

func labelHint(s *plan.SetLabels, errno unix.Errno) string {
	switch {
	case s.AppArmor == "":
		return ""
	case errno == unix.ENOENT:
		return "load the profile with apparmor_parser; aa-status lists those that are loaded"
	case errno == unix.EACCES && s.Stack:
		return "AppArmor confines the runtime itself: its profile needs the rule \"change_profile -> &" + s.AppArmor + ",\""
	case errno == unix.EACCES:
		return "AppArmor confines the runtime itself: its profile needs the rule \"change_profile -> " + s.AppArmor + ",\""
	}
	return ""
}
