package spawn

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/wire"
)

// rawChild is all that the raw child uses. It is filled before the fork; after
// it nothing is allocated.
type rawChild struct {
	args   cloneArgs // of the first clone3
	second cloneArgs // of stage one's, if there are joins
	pidfd  int32

	argv       []*byte
	envv       [1]*byte // empty
	exe        uintptr
	socket     uintptr
	other      uintptr // the parent's end of it
	joins      []Join
	placed     bool // stage one: wait until it has been placed
	userJoined bool
	timeJoined bool
	stay       bool // what joins is what executes
	mapped     bool // a new user namespace: wait for its maps
	uid, gid   uintptr
	setGroups  bool
	keepGroups bool // the supplementary groups
	newIPC     bool // after the maps
	newTime    bool
	offsets    []byte
	proc       uintptr // the host's procfs, if there are offsets: by name it may be a joined mount namespace's

	refused uint64 // joins, by bit, that were refused before entering the user namespace
	report  report
	goAhead [1]byte
	caps    capabilities

	noSignals     uint64
	defaultAction [4]uint64 // struct sigaction: SIG_DFL
}

// report is a message to the parent: the pid of the process that it has cloned, or where
// it has failed and with which errno.
type report struct {
	header wire.Header
	values [3]uint32
}

type capabilities struct {
	header unix.CapUserHeader
	data   [2]unix.CapUserData
}

var (
	emptyPath   = [1]byte{}
	selfOffsets = [...]byte{'s', 'e', 'l', 'f', '/', 't', 'i', 'm', 'e', 'n', 's', '_', 'o', 'f', 'f', 's', 'e', 't', 's', 0}
)

const sizeofSignalSet = 8

// leftIgnored are the signals that Go does not install a handler for, always
// or if they are ignored. 32 and 34 belong to C libraries, and make ignores
// the former in its children.
var leftIgnored = [...]uint8{uint8(unix.SIGHUP), uint8(unix.SIGINT), uint8(unix.SIGCONT), uint8(unix.SIGTSTP),
	uint8(unix.SIGTTIN), uint8(unix.SIGTTOU), 32, 34}

// fork makes the child and returns its pid. In the child it does not return.
//
//go:noinline
//go:norace
func (r *rawChild) fork() (int, unix.Errno) {
	beforeFork()
	var pid uintptr
	var errno unix.Errno
	if r.args.flags&unix.CLONE_VFORK != 0 {
		var e uintptr
		pid, e = vforkClone3(&r.args, sizeofCloneArgs)
		errno = unix.Errno(e)
	} else {
		pid, errno = call(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&r.args)), sizeofCloneArgs, 0)
	}
	if errno != 0 || pid != 0 {
		afterFork()
		return int(pid), errno
	}
	if len(r.joins) > 0 || r.placed {
		r.stageOne()
	}
	r.stageTwo()
	return 0, 0 // not reached
}

// stageOne waits to be placed, enters the namespaces and, unless it is to stay,
// clones stage two.
//
//go:nosplit
//go:norace
func (r *rawChild) stageOne() {
	call6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	if r.placed {
		r.await()
	}
	fd := ^uintptr(0)
	if r.userJoined {
		if r.newTime && len(r.offsets) > 0 {
			fd = r.openOffsets()
		}
		// This is a copy of the runtime: no process in there may trace it.
		call6(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0, 0, 0, 0, 0)
	}
	// First with the powers we came with. What they are not enough for waits
	// until we have those of the user namespace.
	for i := 0; i < len(r.joins); i++ {
		if r.joins[i].Type == unix.CLONE_NEWUSER {
			continue
		}
		_, errno := call(unix.SYS_SETNS, uintptr(r.joins[i].FD), uintptr(r.joins[i].Type), 0)
		switch {
		case errno == unix.EPERM && r.userJoined && i < 64:
			r.refused |= 1 << uint(i)
		case errno != 0:
			r.die(stageJoin, i, errno)
		}
	}
	if r.userJoined {
		r.joinUser()
		if r.newTime {
			r.makeTime(fd)
			r.newTime = false // what is cloned enters it
		}
	}
	if r.stay {
		return
	}
	pid, errno := call(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&r.second)), sizeofCloneArgs, 0)
	if errno != 0 {
		r.die(stageClone, 0, errno)
	}
	if pid == 0 {
		return
	}
	r.report = report{wire.Header{Size: 4, Kind: wire.Child}, [3]uint32{uint32(pid)}}
	call(unix.SYS_WRITE, r.socket, uintptr(unsafe.Pointer(&r.report)), 12)
	call(unix.SYS_EXIT_GROUP, 0, 0, 0)
}

// await waits until the parent lets it go on. It closes its copy of the parent's
// end first, so that it sees the end of a parent that died before the parent
// death signal was set.
//
//go:nosplit
//go:norace
func (r *rawChild) await() {
	call(unix.SYS_CLOSE, r.other, 0, 0)
	for {
		n, errno := call(unix.SYS_READ, r.socket, uintptr(unsafe.Pointer(&r.goAhead)), 1)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 || n != 1 {
			r.die(stageSync, 0, errno)
		}
		return
	}
}

//go:nosplit
//go:norace
func (r *rawChild) joinUser() {
	for i := 0; i < len(r.joins); i++ {
		if r.joins[i].Type != unix.CLONE_NEWUSER {
			continue
		}
		if _, errno := call(unix.SYS_SETNS, uintptr(r.joins[i].FD), unix.CLONE_NEWUSER, 0); errno != 0 {
			r.die(stageJoin, i, errno)
		}
	}
	// The host's groups must not be inherited unasked. A namespace that forbids
	// setgroups(2) was made by a process that had no others to give.
	if !r.keepGroups {
		call(unix.SYS_SETGROUPS, 0, 0, 0)
	}
	r.become()
	for i := 0; i < len(r.joins) && i < 64; i++ {
		if r.refused&(1<<uint(i)) == 0 {
			continue
		}
		if _, errno := call(unix.SYS_SETNS, uintptr(r.joins[i].FD), uintptr(r.joins[i].Type), 0); errno != 0 {
			r.die(stageJoin, i, errno)
		}
	}
}

// stageTwo is in all namespaces but a new time namespace, and a new IPC namespace
// if that is a new user namespace's. It ends in execveat.
//
//go:nosplit
//go:norace
func (r *rawChild) stageTwo() {
	call6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	if r.mapped {
		r.await()
		r.become()
	}
	if r.newIPC {
		if _, errno := call(unix.SYS_UNSHARE, unix.CLONE_NEWIPC, 0, 0); errno != 0 {
			r.die(stageIPC, 0, errno)
		}
	}
	if r.newTime {
		offsets := ^uintptr(0)
		if len(r.offsets) > 0 {
			offsets = r.openOffsets()
		}
		r.makeTime(offsets)
	}
	r.answerSignals()
	// Close-on-exec is off for the one descriptor whose number is passed to init.
	call(unix.SYS_FCNTL, r.socket, unix.F_SETFD, 0)
	_, errno := call6(unix.SYS_EXECVEAT, r.exe, uintptr(unsafe.Pointer(&emptyPath)),
		uintptr(unsafe.Pointer(&r.argv[0])), uintptr(unsafe.Pointer(&r.envv[0])), unix.AT_EMPTY_PATH, 0)
	r.die(stageExec, 0, errno)
}

// answerSignals undoes what the caller may have chosen: it blocks none, and the
// signals have their default meaning again that Go leaves ignored if they were.
// Go sets handlers for all others, which the clone has reset.
//
//go:nosplit
//go:norace
func (r *rawChild) answerSignals() {
	call6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&r.noSignals)), 0, sizeofSignalSet, 0, 0)
	for i := 0; i < len(leftIgnored); i++ {
		call6(unix.SYS_RT_SIGACTION, uintptr(leftIgnored[i]), uintptr(unsafe.Pointer(&r.defaultAction)), 0, sizeofSignalSet, 0, 0)
	}
}

// become takes on the ids of the user namespace. Until then this process is
// still the host's root by uid and could write the host's sysctls. Changing
// ids clears the parent death signal, so it is set again.
//
//go:nosplit
//go:norace
func (r *rawChild) become() {
	if r.setGroups {
		if _, errno := call(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
			r.die(stageIDs, 0, errno)
		}
	}
	if _, errno := call(unix.SYS_SETRESGID, r.gid, r.gid, r.gid); errno != 0 {
		r.die(stageIDs, 0, errno)
	}
	if _, errno := call(unix.SYS_SETRESUID, r.uid, r.uid, r.uid); errno != 0 {
		r.die(stageIDs, 0, errno)
	}
	if r.uid != 0 {
		if errno := r.keepCapabilities(); errno != 0 {
			r.die(stageIDs, 0, errno)
		}
	}
	call6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
}

// keepCapabilities makes the capabilities of a user other than root survive
// execve, as ambient ones. Init clears them. It leaves the end to its caller: the stack
// of functions that must not split one is short, most of all where fuzzing counts lines.
//
//go:nosplit
//go:norace
func (r *rawChild) keepCapabilities() unix.Errno {
	r.caps.header.Version = unix.LINUX_CAPABILITY_VERSION_3
	if _, errno := call(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&r.caps.header)), uintptr(unsafe.Pointer(&r.caps.data)), 0); errno != 0 {
		return errno
	}
	r.caps.data[0].Inheritable = r.caps.data[0].Permitted
	r.caps.data[1].Inheritable = r.caps.data[1].Permitted
	if _, errno := call(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&r.caps.header)), uintptr(unsafe.Pointer(&r.caps.data)), 0); errno != 0 {
		return errno
	}
	for c := uintptr(0); c < 64; c++ {
		if r.caps.data[c/32].Permitted&(1<<(c%32)) != 0 {
			call6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0, 0)
		}
	}
	return 0
}

// makeTime makes the time namespace, which the next execve (Linux 6.1) or clone enters,
// and sets its clocks while it has no process. It comes after the ids, so that a
// user namespace's root can do it.
//
//go:nosplit
//go:norace
func (r *rawChild) makeTime(offsets uintptr) {
	if _, errno := call(unix.SYS_UNSHARE, unix.CLONE_NEWTIME, 0, 0); errno != 0 {
		r.die(stageTime, 0, errno)
	}
	if len(r.offsets) == 0 {
		return
	}
	if _, errno := call(unix.SYS_WRITE, offsets, uintptr(unsafe.Pointer(&r.offsets[0])), uintptr(len(r.offsets))); errno != 0 {
		r.die(stageTime, 0, errno)
	}
}

// openOffsets opens the file for the clocks of a time namespace to be made. It takes
// being dumpable, or the file belongs to the host's root: so it comes before a user
// namespace is joined, whose root could look into this process then.
//
//go:nosplit
//go:norace
func (r *rawChild) openOffsets() uintptr {
	call6(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0, 0, 0, 0)
	fd, errno := call6(unix.SYS_OPENAT, r.proc, uintptr(unsafe.Pointer(&selfOffsets)), unix.O_WRONLY|unix.O_CLOEXEC, 0, 0, 0)
	if errno != 0 {
		r.die(stageTime, 0, errno)
	}
	return fd
}

// die reports the reason to the parent and ends the child.
//
//go:nosplit
//go:norace
func (r *rawChild) die(stage, index int, errno unix.Errno) {
	r.report = report{wire.Header{Size: 12, Kind: wire.SpawnFailed}, [3]uint32{uint32(stage), uint32(index), uint32(errno)}}
	call(unix.SYS_WRITE, r.socket, uintptr(unsafe.Pointer(&r.report)), 20)
	for {
		call(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}
