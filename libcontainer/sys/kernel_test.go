package sys

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCheckCalls: which kernel or filter answers how, and what is said of it.
func TestCheckCalls(t *testing.T) {
	for _, c := range []struct {
		name, release string
		enosys, eperm string
		old           bool
		calls         string
		errno         unix.Errno
	}{
		{"all there", "6.1.0", "", "", false, "", 0},
		{"no capability", "6.1.0", "", "fsopen fsmount move_mount", false, "", 0},
		{"no capability, Linux 7", "7.2.7", "", "fsopen move_mount", false, "", 0},
		{"Linux 5.10", "5.10.0-8-amd64", "mount_setattr", "", true, "mount_setattr", unix.ENOSYS},
		{"Linux 5.4, no capability", "5.4.0+", "openat2 mount_setattr", "fsopen fsmount move_mount", true, "openat2 mount_setattr", unix.ENOSYS},
		{"Linux 4.19", "4.19", "clone3 openat2 pidfd_open open_tree move_mount fsopen fsconfig fsmount mount_setattr", "", true,
			"clone3 openat2 pidfd_open open_tree move_mount fsopen fsconfig fsmount mount_setattr", unix.ENOSYS},
		{"5.10 with a filter", "5.10.0", "clone3 mount_setattr", "", true, "mount_setattr", unix.ENOSYS},
		{"a filter on 5.12", "5.12.0-rc1", "clone3", "", false, "clone3", unix.ENOSYS},
		{"Docker's filter", "6.1.0", "clone3", "open_tree move_mount fsopen fsconfig fsmount mount_setattr", false,
			"clone3 open_tree fsconfig mount_setattr", unix.ENOSYS},
		{"a filter of one", "10.0", "", "fsopen", false, "fsopen", unix.EPERM},
		{"no release", "", "openat2", "", false, "openat2", unix.ENOSYS},
	} {
		has := func(list string, nr uintptr) bool {
			for _, name := range strings.Fields(list) {
				for _, needed := range neededCalls {
					if needed.name == name && needed.nr == nr {
						return true
					}
				}
			}
			return false
		}
		err := checkCalls(func(nr uintptr) unix.Errno {
			switch {
			case has(c.enosys, nr):
				return unix.ENOSYS
			case has(c.eperm, nr):
				return unix.EPERM
			}
			return unix.EINVAL
		}, func() string { return c.release })
		var got *KernelError
		if !errors.As(err, &got) {
			got = &KernelError{}
		}
		if calls := strings.Join(got.Calls, " "); calls != c.calls || got.Old != c.old || got.Errno != c.errno || (err == nil) != (c.calls == "") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestCheckKernel: the kernel that the tests run on takes none of the arguments,
// and has all calls. Nothing is made with them.
func TestCheckKernel(t *testing.T) {
	if err := CheckKernel(); err != nil {
		t.Fatal(err)
	}
}

// TestSignalProcess: who has ended gets no signal, whoever has the number now.
func TestSignalProcess(t *testing.T) {
	child, err := os.StartProcess("/bin/sleep", []string{"sleep", "1000"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(child.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := SignalProcess(pidfd, child.Pid, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := SignalProcess(pidfd, os.Getpid(), unix.SIGKILL); err != unix.ESRCH {
		t.Errorf("reaped: %v", err)
	}
}
