package sys

import "golang.org/x/sys/unix"

// DenyHugePages keeps transparent huge pages from this process and from what it
// will clone and execute, see PR_SET_THP_DISABLE in prctl(2). It tells whether
// somebody has to allow them again: false if they were denied already, or if this
// kernel has none.
func DenyHugePages() bool {
	denied, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_GET_THP_DISABLE, 0, 0, 0, 0, 0)
	return denied == 0 && errno == 0 && setTHPDisable(1) == 0
}

// AllowHugePages takes back what DenyHugePages did, here or in who made this
// process.
func AllowHugePages() { setTHPDisable(0) }

// setTHPDisable is a raw system call: nothing in it may take long.
func setTHPDisable(v uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_THP_DISABLE, v, 0, 0, 0, 0)
	return errno
}
