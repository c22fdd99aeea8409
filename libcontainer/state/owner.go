package state

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OwnerError refuses a directory that another user than the caller and root controls. A state file names processes to
// kill and hooks to run, which would be done with the caller's rights.
type OwnerError struct {
	Path string
	UID  int    // its owner
	Mode uint32 // permissions
	Self int    // the caller's user id
}

func (e *OwnerError) Error() string {
	if !e.Foreign() {
		return fmt.Sprintf("state directory %q has mode %#o: others than its owner may write to it", e.Path, e.Mode)
	}
	return fmt.Sprintf("state directory %q belongs to user %d, expected %s", e.Path, e.UID, e.expected())
}

func (e *OwnerError) expected() string {
	if e.Self == 0 {
		return "root"
	}
	return fmt.Sprintf("the caller, user %d, or root", e.Self)
}

// Foreign reports whether the reason is the owner, and not the mode.
func (e *OwnerError) Foreign() bool { return e.UID != e.Self && e.UID != 0 }

// checkOwner refuses a directory, whose name is path, with an [*OwnerError]. In a directory that is sticky, as /tmp is,
// no user can replace what belongs to others: a root may be one. The group of root and the caller's private group
// (whose number is the user's own) have no other members.
func checkOwner(fd int, path string, sticky bool) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	self := os.Geteuid()
	private := st.Gid == 0 || int(st.Gid) == self && os.Getegid() == self
	writable := st.Mode&0o002 != 0 || st.Mode&0o020 != 0 && !private
	if sticky && st.Mode&unix.S_ISVTX != 0 {
		writable = false
	}
	e := &OwnerError{Path: path, UID: int(st.Uid), Mode: st.Mode & 0o7777, Self: self}
	if e.Foreign() || writable {
		return e
	}
	return nil
}

// checkLink refuses a symbolic link of another user, which could lead to any directory of root.
func checkLink(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	e := &OwnerError{Path: path, UID: int(st.Uid), Mode: st.Mode & 0o7777, Self: os.Geteuid()}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK && e.Foreign() {
		return e
	}
	return nil
}
