package sys

import "golang.org/x/sys/unix"

// initialUserNS is the inode number of the initial user namespace, the same on
// every kernel since 3.8 (PROC_USER_INIT_INO in linux/proc_ns.h).
const initialUserNS = 0xEFFFFFFD

// InUserNamespace reports whether this process is in another user namespace than
// the initial one.
func InUserNamespace() bool {
	var st unix.Stat_t
	err := unix.Stat("/proc/self/ns/user", &st)
	return err == nil && st.Ino != initialUserNS // an error: a kernel without user namespaces
}

// Owns reports whether a user namespace owns another namespace, see
// ioctl_ns(2).
func Owns(user, ns int) bool {
	owner, err := unix.IoctlRetInt(ns, unix.NS_GET_USERNS)
	if err != nil {
		return false
	}
	defer unix.Close(owner)
	same, err := SameDescriptors(owner, user)
	return err == nil && same
}
