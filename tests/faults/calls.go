package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A call is what the sweep knows of one system call.
type call struct {
	name string
	// Which arguments distinguish calls of this name: pN a string, atN a
	// directory's descriptor and a path, fN a descriptor, nN a number.
	args string
	// With which errnos it fails by its manual page without a mistake of the
	// caller's. A call without any is never made to fail: it can't.
	errnos []string
	// Whether sandboxes around a runtime are known to refuse it, which they do
	// with ENOSYS or EPERM, each time.
	refused bool
}

func does(name, args, errnos string) *call {
	return &call{name: name, args: args, errnos: strings.Fields(errnos)}
}

func refusable(name, args, errnos string) *call {
	c := does(name, args, errnos)
	c.refused = true
	return c
}

// The kernel's errors for opening, making, or looking at a file.
const (
	opens  = "EACCES EINTR EMFILE ENOENT ENOMEM EIO"
	makes  = "EACCES ENOSPC EROFS EIO"
	looks  = "EACCES ENOENT ENOMEM EIO"
	mounts = "EPERM EINVAL ENOMEM ENOSPC"
)

// calls has every system call that a runtime makes, by number. One that is not
// in here is reported, so that it gets its line.
var calls = map[int]*call{
	// Files.
	unix.SYS_OPENAT:            does("openat", "at0", opens),
	unix.SYS_OPENAT2:           refusable("openat2", "at0", "EACCES EAGAIN EINTR EMFILE ENOENT ENOMEM EIO EXDEV"),
	unix.SYS_CLOSE:             does("close", "f0", "EIO EINTR"),
	unix.SYS_CLOSE_RANGE:       refusable("close_range", "n2", "EMFILE ENOMEM"),
	unix.SYS_READ:              does("read", "f0", "EINTR EIO"),
	unix.SYS_PREAD64:           does("pread64", "f0", "EINTR EIO"),
	unix.SYS_WRITE:             does("write", "f0", "EINTR EIO ENOSPC EBUSY"),
	unix.SYS_WRITEV:            does("writev", "f0", "EINTR EIO ENOSPC"),
	unix.SYS_PWRITE64:          does("pwrite64", "f0", "EINTR EIO ENOSPC"),
	unix.SYS_SENDFILE:          does("sendfile", "f0 f1", "EIO ENOMEM"),
	unix.SYS_COPY_FILE_RANGE:   refusable("copy_file_range", "f0 f2", "EIO ENOSPC EXDEV"),
	unix.SYS_FSYNC:             does("fsync", "f0", "EIO ENOSPC EINTR"),
	unix.SYS_FTRUNCATE:         does("ftruncate", "f0", "EINTR EIO EPERM"),
	unix.SYS_FALLOCATE:         does("fallocate", "f0", "EINTR EIO ENOSPC"),
	unix.SYS_LSEEK:             does("lseek", "f0", ""),
	unix.SYS_FSTAT:             does("fstat", "f0", "EIO ENOMEM"),
	unix.SYS_STATX:             refusable("statx", "at0", looks),
	unix.SYS_FSTATFS:           does("fstatfs", "f0", "EIO EINTR ENOMEM"),
	unix.SYS_STATFS:            does("statfs", "p0", "EACCES EIO ENOENT ENOMEM"),
	unix.SYS_FACCESSAT:         does("faccessat", "at0", looks),
	unix.SYS_FACCESSAT2:        refusable("faccessat2", "at0", looks),
	unix.SYS_READLINKAT:        does("readlinkat", "at0", looks),
	unix.SYS_GETDENTS64:        does("getdents64", "f0", "EIO ENOENT"),
	unix.SYS_MKDIRAT:           does("mkdirat", "at0", makes),
	unix.SYS_MKNODAT:           does("mknodat", "at0", makes+" EPERM"),
	unix.SYS_SYMLINKAT:         does("symlinkat", "p0 at1", makes),
	unix.SYS_LINKAT:            does("linkat", "at0 at2", makes+" EMLINK"),
	unix.SYS_RENAMEAT2:         does("renameat2", "at0 at2", makes),
	unix.SYS_UNLINKAT:          does("unlinkat", "at0", "EACCES EBUSY EIO ENOENT EROFS"),
	unix.SYS_FCHMOD:            does("fchmod", "f0", "EIO EPERM EROFS"),
	unix.SYS_FCHMODAT:          does("fchmodat", "at0", "EIO EPERM EROFS"),
	unix.SYS_FCHMODAT2:         refusable("fchmodat2", "at0", "EIO EPERM EROFS"),
	unix.SYS_FCHOWN:            does("fchown", "f0", "EIO EPERM EROFS"),
	unix.SYS_FCHOWNAT:          does("fchownat", "at0", "EIO EPERM EROFS"),
	unix.SYS_UTIMENSAT:         does("utimensat", "at0", "EACCES EPERM EROFS"),
	unix.SYS_FLOCK:             does("flock", "n1 f0", ""),
	unix.SYS_FCNTL:             does("fcntl", "n1 f0", ""),
	unix.SYS_IOCTL:             does("ioctl", "f0 n1", "ENOTTY EIO"),
	unix.SYS_DUP:               does("dup", "f0", "EMFILE"),
	unix.SYS_DUP3:              does("dup3", "f0", "EBUSY EINTR"),
	unix.SYS_PIPE2:             does("pipe2", "", "EMFILE ENFILE"),
	unix.SYS_CHDIR:             does("chdir", "p0", looks),
	unix.SYS_FCHDIR:            does("fchdir", "f0", "EACCES"),
	unix.SYS_GETCWD:            does("getcwd", "", "ENOENT ENOMEM"),
	unix.SYS_UMASK:             does("umask", "", ""),
	unix.SYS_GETXATTR:          does("getxattr", "p0", "ENODATA ENOTSUP"),
	unix.SYS_LGETXATTR:         does("lgetxattr", "p0", "ENODATA ENOTSUP"),
	unix.SYS_NAME_TO_HANDLE_AT: refusable("name_to_handle_at", "at0", "EOPNOTSUPP ENOENT"),
	// Mounts.
	unix.SYS_MOUNT:         refusable("mount", "p0 p1 p2", "EACCES EBUSY ENODEV ENOENT "+mounts),
	unix.SYS_UMOUNT2:       refusable("umount2", "p0", "EBUSY EPERM EINVAL"),
	unix.SYS_PIVOT_ROOT:    refusable("pivot_root", "", "EBUSY EPERM EINVAL"),
	unix.SYS_CHROOT:        refusable("chroot", "p0", "EPERM EIO ENOMEM"),
	unix.SYS_FSOPEN:        refusable("fsopen", "p0", "EMFILE ENODEV ENOMEM EPERM"),
	unix.SYS_FSCONFIG:      refusable("fsconfig", "n1 p2", "EBUSY EPERM EINVAL ENOMEM ENODEV"),
	unix.SYS_FSMOUNT:       refusable("fsmount", "", "EMFILE EPERM ENOMEM"),
	unix.SYS_FSPICK:        refusable("fspick", "at0", "EMFILE EPERM"),
	unix.SYS_OPEN_TREE:     refusable("open_tree", "at0", "EACCES EMFILE ENOENT "+mounts),
	unix.SYS_MOVE_MOUNT:    refusable("move_mount", "at0 at2", "EACCES ENOENT "+mounts),
	unix.SYS_MOUNT_SETATTR: refusable("mount_setattr", "at0", "EBUSY EPERM EINVAL ENOMEM"),
	// Processes.
	unix.SYS_CLONE:             does("clone", "n0", "EAGAIN ENOMEM"),
	unix.SYS_CLONE3:            refusable("clone3", "", "EAGAIN ENOMEM EPERM ENOSPC EBUSY"),
	unix.SYS_EXECVE:            does("execve", "p0", "EACCES ENOENT ENOMEM EIO EAGAIN ETXTBSY E2BIG"),
	unix.SYS_EXECVEAT:          refusable("execveat", "at0", "EACCES ENOENT ENOMEM EIO EAGAIN"),
	unix.SYS_WAIT4:             does("wait4", "", "EINTR ECHILD"),
	unix.SYS_WAITID:            does("waitid", "n0", "EINTR ECHILD"),
	unix.SYS_KILL:              does("kill", "n1", "EPERM ESRCH"),
	unix.SYS_TGKILL:            does("tgkill", "n2", ""),
	unix.SYS_PIDFD_OPEN:        refusable("pidfd_open", "", "EMFILE ENODEV ENOMEM ESRCH"),
	unix.SYS_PIDFD_SEND_SIGNAL: refusable("pidfd_send_signal", "n1", "EPERM ESRCH"),
	unix.SYS_PIDFD_GETFD:       refusable("pidfd_getfd", "", "EMFILE EPERM ESRCH"),
	unix.SYS_SETSID:            does("setsid", "", "EPERM"),
	unix.SYS_SETPGID:           does("setpgid", "", "EACCES EPERM"),
	unix.SYS_UNSHARE:           refusable("unshare", "n0", "EINVAL ENOMEM ENOSPC EPERM"),
	unix.SYS_SETNS:             refusable("setns", "f0 n1", "EINVAL ENOMEM EPERM"),
	unix.SYS_SETHOSTNAME:       refusable("sethostname", "", "EPERM"),
	unix.SYS_SETDOMAINNAME:     refusable("setdomainname", "", "EPERM"),
	unix.SYS_SETGROUPS:         does("setgroups", "", "EPERM ENOMEM"),
	unix.SYS_SETRESUID:         does("setresuid", "", "EAGAIN EPERM"),
	unix.SYS_SETRESGID:         does("setresgid", "", "EPERM"),
	unix.SYS_SETUID:            does("setuid", "", "EAGAIN EPERM"),
	unix.SYS_SETGID:            does("setgid", "", "EPERM"),
	unix.SYS_CAPGET:            does("capget", "", "EPERM"),
	unix.SYS_CAPSET:            does("capset", "", "EPERM"),
	unix.SYS_PRCTL:             does("prctl", "n0 n1", ""),
	unix.SYS_SECCOMP:           refusable("seccomp", "n0 n1", "EACCES ENOMEM EINVAL"),
	unix.SYS_BPF:               refusable("bpf", "n0", "EPERM ENOMEM EINVAL EAGAIN"),
	unix.SYS_PRLIMIT64:         does("prlimit64", "n1", "EPERM"),
	unix.SYS_KEYCTL:            refusable("keyctl", "n0", "EDQUOT ENOMEM EACCES"),
	unix.SYS_ADD_KEY:           refusable("add_key", "", "EDQUOT ENOMEM"),
	unix.SYS_PERSONALITY:       refusable("personality", "n0", ""),
	unix.SYS_IOPRIO_SET:        refusable("ioprio_set", "", "EPERM"),
	unix.SYS_SCHED_SETATTR:     refusable("sched_setattr", "", "EPERM EBUSY"),
	unix.SYS_SCHED_SETAFFINITY: does("sched_setaffinity", "", "EPERM EINVAL"),
	unix.SYS_SET_MEMPOLICY:     refusable("set_mempolicy", "", "EINVAL ENOMEM"),
	// Talking.
	unix.SYS_SOCKET:     does("socket", "n0 n1", "EACCES EMFILE ENOMEM EAFNOSUPPORT"),
	unix.SYS_SOCKETPAIR: does("socketpair", "", "EMFILE ENFILE ENOMEM"),
	unix.SYS_CONNECT:    does("connect", "f0", "EACCES EAGAIN ECONNREFUSED EINTR ENOENT"),
	unix.SYS_BIND:       does("bind", "f0", "EACCES EADDRINUSE"),
	unix.SYS_LISTEN:     does("listen", "f0", "EADDRINUSE"),
	unix.SYS_ACCEPT4:    does("accept4", "f0", "EAGAIN EINTR EMFILE ECONNABORTED"),
	unix.SYS_SENDTO:     does("sendto", "f0", "EAGAIN EINTR ENOBUFS EPIPE ECONNRESET"),
	unix.SYS_SENDMSG:    does("sendmsg", "f0", "EAGAIN EINTR ENOBUFS EPIPE ECONNRESET ETOOMANYREFS"),
	unix.SYS_RECVFROM:   does("recvfrom", "f0", "EAGAIN EINTR ECONNRESET ENOMEM"),
	unix.SYS_RECVMSG:    does("recvmsg", "f0", "EAGAIN EINTR ECONNRESET ENOMEM"),
	unix.SYS_SHUTDOWN:   does("shutdown", "f0", "ENOTCONN"),
	unix.SYS_SETSOCKOPT: does("setsockopt", "f0 n2", "ENOMEM"),
	unix.SYS_GETSOCKOPT: does("getsockopt", "f0 n2", ""),
	unix.SYS_PPOLL:      does("ppoll", "", "EINTR ENOMEM"),
	unix.SYS_PSELECT6:   does("pselect6", "", "EINTR ENOMEM"),
	// Events, memory and what a language's own runtime does.
	unix.SYS_EPOLL_CREATE1:  refusable("epoll_create1", "", "EMFILE ENFILE ENOMEM"),
	unix.SYS_EPOLL_CTL:      does("epoll_ctl", "n1", "ENOMEM ENOSPC EPERM"),
	unix.SYS_EPOLL_PWAIT:    does("epoll_pwait", "", "EINTR"),
	unix.SYS_EVENTFD2:       refusable("eventfd2", "", "EMFILE ENFILE ENOMEM"),
	unix.SYS_INOTIFY_INIT1:  refusable("inotify_init1", "", "EMFILE ENFILE ENOMEM"),
	unix.SYS_SIGNALFD4:      refusable("signalfd4", "", "EMFILE ENFILE ENOMEM ENODEV"),
	unix.SYS_TIMERFD_CREATE: refusable("timerfd_create", "", "EMFILE ENFILE ENOMEM"),
	unix.SYS_MEMFD_CREATE:   refusable("memfd_create", "", "EMFILE ENFILE ENOMEM"),
	unix.SYS_GETRANDOM:      refusable("getrandom", "", "EINTR EAGAIN"),
	unix.SYS_MMAP:           does("mmap", "n1 n2", "ENOMEM EAGAIN"),
	unix.SYS_BRK:            does("brk", "", ""),
	unix.SYS_UNAME:          does("uname", "", ""),
	unix.SYS_MPROTECT:       does("mprotect", "n1", "ENOMEM"),
}

// Some calls are many: their first argument says which, and with that how they
// may fail.
var byArgument = map[string]map[uint64]string{
	"fcntl": {unix.F_DUPFD: "EMFILE", unix.F_DUPFD_CLOEXEC: "EMFILE", unix.F_SETPIPE_SZ: "EPERM EBUSY", unix.F_ADD_SEALS: "EPERM EBUSY"},
	"flock": {unix.LOCK_EX: "EINTR ENOLCK", unix.LOCK_SH: "EINTR ENOLCK", unix.LOCK_EX | unix.LOCK_NB: "EWOULDBLOCK ENOLCK", unix.LOCK_SH | unix.LOCK_NB: "EWOULDBLOCK ENOLCK"},
	"prctl": {
		unix.PR_CAPBSET_READ: "EINVAL", unix.PR_CAPBSET_DROP: "EPERM EINVAL", unix.PR_SET_SECUREBITS: "EPERM", unix.PR_SET_KEEPCAPS: "EPERM",
		unix.PR_CAP_AMBIENT: "EPERM EINVAL", unix.PR_SET_SECCOMP: "EACCES EINVAL ENOMEM", unix.PR_SET_IO_FLUSHER: "EPERM", unix.PR_SET_MM: "EPERM",
	},
}

// fails gives the errnos with which it may fail at a point.
func (c *call) fails(class string) []string {
	if reads := c.name == "read"; (reads || c.name == "write") && (strings.HasPrefix(class, "pipe:") || strings.HasPrefix(class, "socket:")) {
		if reads {
			return []string{"EINTR"}
		}
		return []string{"EINTR", "EPIPE"}
	}
	options, many := byArgument[c.name]
	if !many {
		return c.errnos
	}
	word, _, _ := strings.Cut(class, " ")
	option, _ := strconv.ParseUint(word, 0, 64)
	return strings.Fields(options[option])
}

// silent are calls that have no failure to speak of: of them nothing but the
// death is tried, and that of the more common ones is left to their neighbours.
var silent = map[int]string{
	unix.SYS_MUNMAP: "munmap", unix.SYS_MADVISE: "madvise", unix.SYS_MREMAP: "mremap", unix.SYS_FUTEX: "futex", unix.SYS_MINCORE: "mincore",
	unix.SYS_RT_SIGACTION: "rt_sigaction", unix.SYS_RT_SIGPROCMASK: "rt_sigprocmask", unix.SYS_RT_SIGRETURN: "rt_sigreturn",
	unix.SYS_RT_SIGTIMEDWAIT: "rt_sigtimedwait", unix.SYS_SIGALTSTACK: "sigaltstack", unix.SYS_GETPID: "getpid", unix.SYS_GETPPID: "getppid",
	unix.SYS_GETTID: "gettid", unix.SYS_GETUID: "getuid", unix.SYS_GETEUID: "geteuid", unix.SYS_GETGID: "getgid", unix.SYS_GETEGID: "getegid",
	unix.SYS_GETRESUID: "getresuid", unix.SYS_GETGROUPS: "getgroups", unix.SYS_EXIT: "exit", unix.SYS_EXIT_GROUP: "exit_group",
	unix.SYS_NANOSLEEP: "nanosleep", unix.SYS_CLOCK_NANOSLEEP: "clock_nanosleep", unix.SYS_CLOCK_GETTIME: "clock_gettime",
	unix.SYS_SCHED_YIELD: "sched_yield", unix.SYS_SCHED_GETAFFINITY: "sched_getaffinity", unix.SYS_RESTART_SYSCALL: "restart_syscall",
	unix.SYS_SET_TID_ADDRESS: "set_tid_address", unix.SYS_SET_ROBUST_LIST: "set_robust_list", unix.SYS_RSEQ: "rseq",
	unix.SYS_SETITIMER: "setitimer", unix.SYS_TIMER_CREATE: "timer_create", unix.SYS_TIMER_SETTIME: "timer_settime",
	unix.SYS_TIMER_DELETE: "timer_delete", unix.SYS_GETPEERNAME: "getpeername", unix.SYS_GETSOCKNAME: "getsockname",
	unix.SYS_GETPGID: "getpgid", unix.SYS_GETSID: "getsid", unix.SYS_SYSINFO: "sysinfo", unix.SYS_FADVISE64: "fadvise64",
	unix.SYS_GETRUSAGE: "getrusage", unix.SYS_MEMBARRIER: "membarrier", unix.SYS_GETCPU: "getcpu",
}

func init() {
	for nr, name := range silent {
		calls[nr] = does(name, "", "")
	}
}

// errnos are the numbers of the names.
var errnos = func() map[string]syscall.Errno {
	m := map[string]syscall.Errno{}
	for e := syscall.Errno(1); e < 134; e++ {
		m[unix.ErrnoName(e)] = e
	}
	m["EWOULDBLOCK"], m["ENOTSUP"] = syscall.EWOULDBLOCK, syscall.ENOTSUP
	return m
}()

// class says what a thread is about to do with the call, as far as that
// distinguishes its calls in every run. Random names are made the same.
func (c *call) class(tid int, args [6]uint64, name func(string) string) string {
	var words []string
	for word := range strings.FieldsSeq(c.args) {
		n := int(word[len(word)-1] - '0')
		switch strings.TrimRight(word, "012345") {
		case "p":
			words = append(words, name(textAt(tid, args[n])))
		case "at":
			path := textAt(tid, args[n+1])
			if !strings.HasPrefix(path, "/") {
				path = strings.TrimSuffix(target(tid, args[n])+"/"+path, "/")
			}
			words = append(words, name(path))
		case "f":
			words = append(words, name(target(tid, args[n])))
		case "n":
			words = append(words, fmt.Sprintf("%#x", uint32(args[n])))
		}
	}
	return strings.Join(words, " ")
}

// textAt reads a string of a traced thread.
func textAt(tid int, address uint64) string {
	if address == 0 {
		return "-"
	}
	text := make([]byte, 512)
	// It may lie before a page that is not there.
	size := uint64(len(text))
	if left := 4096 - address%4096; left < size {
		size = left
	}
	local := []unix.Iovec{{Base: &text[0], Len: size}}
	n, err := unix.ProcessVMReadv(tid, local, []unix.RemoteIovec{{Base: uintptr(address), Len: int(size)}}, 0)
	if err != nil {
		return "?"
	}
	path, _, _ := strings.Cut(string(text[:n]), "\x00")
	return path
}

// target is what a descriptor of a traced thread stands for.
func target(tid int, fd uint64) string {
	if int32(fd) == unix.AT_FDCWD {
		return "."
	}
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(fd)))
	if err != nil {
		return "-"
	}
	return link
}
