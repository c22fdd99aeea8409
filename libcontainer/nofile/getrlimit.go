//go:build amd64 || arm64

package nofile

// getrlimit is prlimit64(0, RLIMIT_NOFILE, NULL, limit). It returns the negated
// errno.
//
//go:noescape
func getrlimit(limit *[2]uint64) int
