//go:build amd64 || arm64

package rtstart

// prlimit is prlimit64(0, RLIMIT_NOFILE, set, old); each may be nil. It returns
// the negated errno.
//
//go:noescape
func prlimit(set, old *[2]uint64) int

// resetSlack is prctl(PR_SET_TIMERSLACK, 0): back to what was inherited.
func resetSlack()

// setAffinity is sched_setaffinity(0, size, set), of the calling thread.
//
//go:noescape
func setAffinity(size uintptr, set *cpuSet)

// getAffinity is sched_getaffinity(0, size, set).
//
//go:noescape
func getAffinity(size uintptr, set *cpuSet)
