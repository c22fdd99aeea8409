//go:build amd64 || arm64

package spawn

import "golang.org/x/sys/unix"

// haveVfork: this architecture has vforkClone3.
const haveVfork = true

// vforkClone3 is clone3(2) with CLONE_VM and CLONE_VFORK: the child borrows
// memory and stack until it executes or ends.
//
//go:noescape
func vforkClone3(args *cloneArgs, size uintptr) (pid, errno uintptr)

//go:nosplit
//go:norace
func vfork(args *cloneArgs) (uintptr, unix.Errno) {
	pid, errno := vforkClone3(args, sizeofCloneArgs)
	return pid, unix.Errno(errno)
}
