package rtstart

// What stands in for Go's runtime in an init: a goroutine's descriptor that no
// scheduler knows, where the thread pointer leads to, and a stack. How much of it is
// used has a bound, see tests/bare. Assembly uses them.
var (
	descriptor  [128]uint64
	threadLocal [8]uint64
	stack       [64 << 10]byte
)

var _, _, _ = &descriptor, &threadLocal, &stack
