package sys

import _ "unsafe" // for go:linkname // for go:linkname

// What syscall.ForkExec itself uses, see package spawn.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()
