package sys

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// RelaxTimers lets the timers of Go's watching thread (sysmon) be late by up to
// 10 ms. In the first milliseconds of a process, which is all that most of ours
// have, it wakes up every 70 µs. The caller stays on its thread: what it starts
// inherits the timer slack that this process was started with, and not that of a
// thread which the watching one has made.
//
// It needs CAP_SYS_NICE (proc_pid_timerslack_ns(5)); without, nothing changes.
func RelaxTimers() {
	runtime.LockOSThread()
	pid := unix.Getpid()
	// It is the first thread that Go's runtime makes, so its number is the next
	// that was free.
	for tid := pid + 1; tid < pid+64; tid++ {
		if unix.Tgkill(pid, tid, 0) != nil {
			continue // not a thread of ours
		}
		if fd, err := unix.Open("/proc/"+strconv.Itoa(tid)+"/timerslack_ns", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
			unix.Write(fd, []byte("10000000"))
			unix.Close(fd)
		}
		return
	}
}
