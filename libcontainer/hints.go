package libcontainer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// stepHint is what a person can do about a step of init's that the kernel has
// refused, where the errno alone misleads; mostly nothing.
func stepHint(step plan.Step, errno unix.Errno) string {
	switch s := step.(type) {
	case *plan.SetLabels:
		return labelHint(s, errno)
	case *plan.MountFS:
		return mountHint(s.Type, errno)
	}
	return ""
}

// mountHint: a user namespace may mount filesystems that show a namespace only
// if it owns that.
func mountHint(fstype string, errno unix.Errno) string {
	const hint = "in a user namespace, %s takes a %s namespace of the container's own: add {\"type\": %q} to linux.namespaces, or bind the host's"
	switch {
	case errno != unix.EPERM:
		return ""
	case fstype == "proc":
		return fmt.Sprintf(hint, fstype, "pid", "pid") + " (nor may anything be mounted on the runtime's own /proc)"
	case fstype == "mqueue":
		return fmt.Sprintf(hint, fstype, "ipc", "ipc")
	case fstype == "sysfs":
		return fmt.Sprintf(hint, fstype, "network", "network")
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
