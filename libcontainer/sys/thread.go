package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
)

// These change the calling thread only. Go's own versions make all threads
// follow, which init neither needs (only one thread will execute) nor may do:
// it would have to wake them.

// SetGroups sets this thread's supplementary groups.
func SetGroups(gids []uint32) error {
	var first *uint32
	if len(gids) > 0 {
		first = &gids[0]
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(gids)), uintptr(unsafe.Pointer(first)), 0)
	return fault.Call("setgroups", errno)
}

// SetGID sets this thread's real, effective and saved group id.
func SetGID(gid uint32) error {
	id := uintptr(gid)
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, id, id, id)
	return fault.Call("setresgid", errno)
}

// SetUID sets this thread's real, effective and saved user id.
func SetUID(uid uint32) error {
	id := uintptr(uid)
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id)
	return fault.Call("setresuid", errno)
}

// SetPersonality sets this thread's execution domain.
func SetPersonality(persona uint32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, uintptr(persona), 0, 0)
	return fault.Call("personality", errno)
}

// SetName sets this thread's name, which if it is the first one's is the process's.
func SetName(name string) error {
	var text [16]byte
	copy(text[:len(text)-1], name)
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_NAME, uintptr(unsafe.Pointer(&text)), 0)
	return fault.Call("prctl PR_SET_NAME", errno)
}

// SetIOPriority sets this thread's io priority class and level.
func SetIOPriority(class, level int) error {
	const who, classShift = 1, 13 // IOPRIO_WHO_PROCESS, IOPRIO_CLASS_SHIFT
	_, _, errno := unix.RawSyscall(unix.SYS_IOPRIO_SET, who, 0, uintptr(class<<classShift|level))
	return fault.Call("ioprio_set", errno)
}

// SetMemoryPolicy sets this thread's NUMA memory policy. Nodes has a bit for each
// memory node.
func SetMemoryPolicy(mode uint32, nodes []uint64) error {
	// The words of this architecture, lowest bits first.
	const perNode = 8 / int(unsafe.Sizeof(uintptr(0)))
	var words [maxNodes / 64 * perNode]uintptr
	if len(nodes) > maxNodes/64 {
		return fault.New(unix.EINVAL, "more than %d memory nodes").Num(maxNodes)
	}
	for i, word := range nodes {
		for j := range perNode {
			words[i*perNode+j] = uintptr(word >> (j * 64 / perNode))
		}
	}
	var mask unsafe.Pointer
	size := 0
	if len(nodes) > 0 {
		// The kernel reads one bit less than the length that is passed.
		mask, size = unsafe.Pointer(&words), 64*len(nodes)+1
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SET_MEMPOLICY, uintptr(mode), uintptr(mask), uintptr(size))
	return fault.Call("set_mempolicy", errno)
}

// maxNodes is MAX_NUMNODES of the largest kernels.
const maxNodes = 1024

// AllCPUs lets this thread run on all processors that its cgroup may use,
// whatever its parent was held to. Without a right to that it stays as it was.
func AllCPUs() {
	var all [1024]byte // 8192 processors, NR_CPUS of the largest kernels
	for i := range all {
		all[i] = 0xff
	}
	unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, 0, uintptr(len(all)), uintptr(unsafe.Pointer(&all)))
}

// LoadFilter installs a seccomp filter for this thread and what it executes.
// A listener descriptor is returned if flags ask for one.
func LoadFilter(flags uint32, filter []unix.SockFilter) (int, error) {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&prog)))
	return int(fd), fault.Call("seccomp", errno)
}

// Program is a prepared execve(2): no allocation is left to do, and nothing
// but the one system call happens.
type Program struct {
	path       *byte
	argv, envv []*byte
}

// ProgramOf is a program in the form that execve(2) takes: strings that end with NUL,
// and vectors that end with nil.
func ProgramOf(path *byte, argv, envv []*byte) Program { return Program{path, argv, envv} }

// TerminalPeer opens the other end of a pseudo-terminal's master, whatever has
// become of its name.
func TerminalPeer(master int) (int, error) {
	fd, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	return int(fd), fault.Call("ioctl TIOCGPTPEER", errno)
}

// SetAffinity says on which CPUs a thread runs, see sched_setaffinity(2). Bits
// of CPUs that are not there have no effect.
func SetAffinity(tid int, mask []uint64) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), uintptr(len(mask)*8), uintptr(unsafe.Pointer(&mask[0])))
	return fault.Call("sched_setaffinity", errno)
}
