package checkpoint

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// check compares the external mounts of the restored container with what was staged. CRIU
// mounts by paths and sets flags as the image has them.
func (st *stage) check(criu, init int) error {
	mounts, err := mountsOfProcess(criu)
	if err != nil {
		return err
	}
	if err := st.identify(mounts); err != nil {
		return err
	}
	if mounts, err = mountsOfProcess(init); err != nil {
		return err
	}
	return checkRestored(st.mounts, mounts)
}

func mountsOfProcess(pid int) ([]proc.Mount, error) {
	process, err := sys.HostProcess(pid)
	if err != nil {
		return nil, err
	}
	defer process.Close()
	return mountsOf(process)
}

// identify finds out which filesystems were staged.
func (st *stage) identify(mounts []proc.Mount) error {
	for i := range st.mounts {
		s := &st.mounts[i]
		for _, m := range mounts {
			if m.Point == st.top+"/"+strconv.Itoa(i) {
				s.device, s.root = m.Device, m.Root
			}
		}
		if s.device == "" {
			return plan.InField(s.field, fmt.Errorf("what was mounted for %q is gone", s.Target))
		}
	}
	return nil
}

// checkRestored makes sure that every external mount is where it was, and that
// nothing of the same source lacks a restriction that all its mounts have in
// config.json.
func checkRestored(staged []stagedMount, mounts []proc.Mount) error {
	for i := range staged {
		s := &staged[i]
		found := false
		for j := range mounts {
			m := &mounts[j]
			if m.Device != s.device || m.Root != s.root {
				continue
			}
			found = found || m.Point == s.Point
			if lacks := missingRestriction(staged, m); lacks != "" {
				return plan.InField(s.field, fmt.Errorf("restored at %q, the mount is not %s, as config.json has it: the image was made with other mount options", m.Point, lacks))
			}
		}
		if !found {
			return plan.InField(s.field, fmt.Errorf("the mount did not come back at %q: a symbolic link in the root filesystem may have led it elsewhere", s.Point))
		}
	}
	return nil
}

// missingRestriction returns the restriction that a mount lacks of each staged one that it
// could be; "" if there is one of which it lacks none.
func missingRestriction(staged []stagedMount, m *proc.Mount) (lacks string) {
	for i := range staged {
		if s := &staged[i]; m.Device == s.device && m.Root == s.root {
			if lacks = m.Lacks(s.attr); lacks == "" {
				return ""
			}
		}
	}
	return lacks
}

// makeRootReadonly makes the root filesystem read-only: CRIU does not restore that.
func makeRootReadonly(init int) error {
	ns, err := sys.OpenNamespace("/proc/" + strconv.Itoa(init) + "/ns/mnt")
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	return sources.OnThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("setns", err)
		}
		root, err := retry.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) // where setns has led
		if err != nil {
			return &os.PathError{Op: "open", Path: "/", Err: err}
		}
		defer unix.Close(root)
		return sys.RestrictMount(root, unix.MOUNT_ATTR_RDONLY, 0, false)
	})
}
