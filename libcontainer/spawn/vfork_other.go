//go:build !amd64 && !arm64

package spawn

import "golang.org/x/sys/unix"

// haveVfork: elsewhere the child gets a copy of this process, which only costs
// time.
const haveVfork = false

//go:nosplit
func vforkClone3(*cloneArgs, uintptr) (pid, errno uintptr) { return 0, uintptr(unix.ENOSYS) }
