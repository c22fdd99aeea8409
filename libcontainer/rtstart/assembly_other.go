//go:build !amd64 && !arm64

package rtstart

func prlimit(_, _ *[2]uint64) int  { return -1 }
func resetSlack()                  {}
func setAffinity(uintptr, *cpuSet) {}
func getAffinity(uintptr, *cpuSet) {}
