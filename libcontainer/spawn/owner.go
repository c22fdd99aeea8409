package spawn

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// outOfReach opens this program itself, if neither its caller nor any process in the
// container can write to it, or gain the right to: -1 if that is not certain.
//
// Only the owner's bits allow writing, so a writer must be the owner, or have
// capabilities over the owner, in a user namespace that maps it. The caller is neither, which
// the kernel is asked. That says enough if he has the capability for it: the owner is
// mapped in no user namespace from his own downwards. Of a caller without any it is
// left that the container's user namespace, which he may give other ids than his
// own, does not map the owner. Who had some but not that one might still be powerful.
func (a *Audience) outOfReach() int {
	fd, err := retry.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	if !a.powerless(fd) {
		unix.Close(fd)
		return -1
	}
	return fd
}

func (a *Audience) powerless(fd int) bool {
	var st unix.Stat_t
	// The group's bits are an upper bound of what access control lists give.
	if unix.Fstat(fd, &st) != nil || st.Mode&0o022 != 0 {
		return false
	}
	// Open to the owner, and to CAP_FOWNER over him.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_NOATIME); err != unix.EPERM {
		return false
	}
	// A filesystem may have rules of its own, as FUSE has.
	if unix.Faccessat2(fd, "", unix.W_OK, unix.AT_EMPTY_PATH|unix.AT_EACCESS) == nil {
		return false
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if raw.Capget(&header, &data) != 0 {
		return false
	}
	if data[0].Effective&(1<<unix.CAP_FOWNER) != 0 {
		return true
	}
	return data[0].Permitted|data[1].Permitted == 0 && a.UIDs != nil && !a.has(st.Uid)
}
