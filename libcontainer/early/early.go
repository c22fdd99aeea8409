// Package early is what comes before all other packages, and in part before Go's
// runtime.
//
// Where the linker is told so (-E, see the Makefile), the program begins in this
// package, with a few lines of assembly. They spare each start of the program,
// and a container takes two, a fifth of what Go's runtime takes to be ready:
//
//   - It finds GOMAXPROCS in its environment. Each thread that it would make to use
//     another processor costs its start, its end and interrupts in between; a
//     command of a millisecond has nothing to do for it.
//   - It can't open files. Without that it reads /proc/self/cgroup, mountinfo, which
//     is long on a host with many containers, and the CPU limit of the caller's
//     cgroup, also where it is told to make nothing of it.
//   - The thread with which it watches over the others (sysmon), and which would wake
//     up every 70 µs, sleeps longer: threads inherit their timer slack.
//   - It stays on one processor. The collector's goroutines begin on threads of their
//     own, and main's waits for each: to have another processor woken up for that
//     costs more than the work. Those threads stay there, and have little to do.
//
// This package's init takes that back. It runs before package syscall's, because
// Go initialises packages in the order of their import paths as soon as their
// dependencies are, and this one has none; a test holds it to that. A program
// that begins as usual is slower, and the same otherwise.
package early

// Soft and Hard are the caller's limit on open files. Package syscall raises the
// soft limit to the hard one, which a container must not inherit: programs that
// loop over all possible descriptors would loop for long, and ones using select(2)
// break. Go gives the old value back only to children it starts itself.
//
// They are equal (and possibly zero) where this architecture has no code for it.
var Soft, Hard uint64

// Setting is what the program's beginning adds to its environment, for Go's
// runtime to see and for nobody else. A setting that is there already stays.
const Setting, SettingValue = "GOMAXPROCS", "01"

var (
	limit   [2]uint64 // struct rlimit64, RLIMIT_NOFILE as it was
	entered bool      // limit is that, and has to be set again
	relaxed bool      // the timer slack is not what it was

	cpus   [1024]byte // that this thread may use: 8192, NR_CPUS of the largest kernels
	pinned uintptr    // bytes of cpus that the kernel has, if it uses only one now
)

func init() {
	if entered {
		prlimit(&limit, nil)
	} else if prlimit(nil, &limit) != 0 {
		limit = [2]uint64{}
	}
	Soft, Hard = limit[0], limit[1]
	if relaxed {
		resetSlack()
	}
	Unpin()
	growStack()
}

// Unpin gives the calling thread the processors that the program was started with,
// for one that works for long and is not main's.
func Unpin() {
	if pinned > 0 {
		setAffinity(pinned, &cpus)
	}
}
