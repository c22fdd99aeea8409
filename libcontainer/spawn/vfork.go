//go:build amd64 || arm64

package spawn

// haveVfork: this architecture has vforkClone3.
const haveVfork = true

// vforkClone3 is clone3(2) with CLONE_VM and CLONE_VFORK: the child borrows
// memory and stack until it executes or ends. Its caller must not return before
// that: no function may stand between it and fork, whose frame the child would
// overwrite.
//
//go:noescape
func vforkClone3(args *cloneArgs, size uintptr) (pid, errno uintptr)
