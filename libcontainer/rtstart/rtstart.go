// Package rtstart is what comes before all other packages, and in part before Go's
// runtime.
//
// If the linker is asked to (-E, see the Makefile), the program begins in this
// package, with a few lines of assembly. They spare each start of the program,
// and a container takes two, a fifth of what Go's runtime takes to be ready:
//
//   - It finds GOMAXPROCS in its environment. Each thread that it would make to use
//     another processor costs its start, its end and interrupts in between; a
//     command of a millisecond has nothing to do for it.
//   - It can't open files. Without that it reads /proc/self/cgroup, mountinfo, which
//     is long on a host with many containers, and the CPU limit of the caller's
//     cgroup, even if it is configured to ignore that.
//   - The thread with which it watches over the others (sysmon), and which would wake
//     up every 70 µs, sleeps longer: threads inherit their timer slack.
//   - It stays on one processor. The collector's goroutines begin on threads of their
//     own, and main's waits for each: to have another processor woken up for that
//     costs more than the work. Those threads stay there, and have little to do.
//
// Where Go's runtime cannot have the memory or the threads that it needs, one line
// says so instead of a dump of stacks (refusal.go).
//
// This package's init takes the rest back. It runs before package syscall's, because
// Go initialises packages in the order of their import paths as soon as their
// dependencies are, and this one has none; a test holds it to that. A program
// that begins as usual is slower, and the same otherwise.
package rtstart

// Soft and Hard are the caller's limit on open files. Package syscall raises the
// soft limit to the hard one, which a container must not inherit: programs that
// loop over all possible descriptors would loop for long, and ones using select(2)
// break. Go gives the old value back only to children it starts itself.
//
// They are equal (and possibly zero) where this architecture has no code for it.
var Soft, Hard uint64

// Setting is what the program's beginning adds to its environment, for Go's
// runtime alone. A setting that is there already stays.
const Setting, SettingValue = "GOMAXPROCS", "01"

var (
	limit   [2]uint64 // struct rlimit64, RLIMIT_NOFILE as it was
	entered bool      // limit is that, and has to be set again
	relaxed bool      // the timer slack is not what it was

	began bool // the program began with this package's entry

	cpus   cpuSet  // what the caller may use
	pinned uintptr // bytes of it that the kernel has, if this is not so now
)

// Bare reports whether an init of this program runs without Go's runtime, and so as one
// thread: where the program begins here.
func Bare() bool { return began }

// cpuSet has a bit for each of 8192 processors, NR_CPUS of the largest kernels.
type cpuSet [1024]byte

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
	growStack()
	if pinned > 0 {
		release()
	}
}

// release gives this thread back what the caller may use. Who sets an affinity is
// held to it (user_cpus_ptr), with all that it starts, also when its cpuset grows. So
// if the caller was held to nothing but the cpuset, it is all processors that are
// asked for. An affinity that was set to all of a cpuset looks the same.
func release() {
	var all, now cpuSet
	for i := range all {
		all[i] = 0xff
	}
	setAffinity(pinned, &all)
	getAffinity(pinned, &now)
	if now == cpus {
		cpus = all
		return
	}
	setAffinity(pinned, &cpus)
}

// Unpin does so for the calling thread, one that is not main's: what works for long
// or starts others that do. The threads that Go's start has made stay where they are.
func Unpin() {
	if pinned > 0 {
		setAffinity(pinned, &cpus)
	}
}
