package sys

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// RelaxTimers lets the timers of this process's other threads be late by up to
// 10 ms. Go's runtime has one that watches over the others and in the first
// milliseconds of a process, which is all that most of ours have, wakes up every
// 70 µs. The caller stays on its thread: what it starts inherits the timer slack
// that this process was started with.
//
// It needs CAP_SYS_NICE (proc_pid_timerslack_ns(5)); without, nothing changes.
func RelaxTimers() {
	runtime.LockOSThread()
	dir, err := unix.Open("/proc/self/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	var entries [1024]byte
	n, err := unix.Getdents(dir, entries[:])
	if err != nil {
		return
	}
	var names [32]string
	_, _, threads := unix.ParseDirent(entries[:n], len(names), names[:0])
	self := strconv.Itoa(unix.Gettid())
	for _, tid := range threads {
		if tid == self {
			continue
		}
		fd, err := unix.Open("/proc/"+tid+"/timerslack_ns", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		unix.Write(fd, []byte("10000000"))
		unix.Close(fd)
	}
}
