package state

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// Process names a process for good: ids are used again, together with the start time they are not.
type Process struct {
	PID   int    // in the runtime's pid namespace; 0: there is none yet
	Start uint64 // clock ticks after boot: field 22 of /proc/PID/stat, see proc_pid_stat(5)
}

// ErrNotRunning means that there is no process to act on. Engines match the text.
var ErrNotRunning = errors.New("container not running")

// Identify reads a process's start time.
func Identify(pid int) (Process, error) {
	st, err := readStat(pid)
	return Process{PID: pid, Start: st.Start}, err
}

// ReadStat reads a process's stat: the zero value if there is no such process.
func ReadStat(pid int) (proc.Stat, error) {
	st, err := readStat(pid)
	if Gone(err) {
		err = nil
	}
	return st, err
}

func readStat(pid int) (proc.Stat, error) {
	data, err := sys.ReadFile("/proc/"+strconv.Itoa(pid)+"/stat", 4096)
	if err != nil {
		return proc.Stat{}, err
	}
	return proc.ParseStat(data)
}

// Gone reports whether an error is that of a file in /proc/PID when there is no such process (any more).
func Gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

// Stat reads the process's stat, and reports whether it lives: the pid may have been reused. A zombie counts as
// gone, but not while threads of it live: it has lost the first one only, and is what it was.
func (p Process) Stat() (proc.Stat, bool, error) {
	if p.PID == 0 {
		return proc.Stat{}, false, nil
	}
	st, err := ReadStat(p.PID)
	if err != nil || st.State == 0 || st.Start != p.Start {
		return st, false, err
	}
	return st, !st.Dead(), nil
}

// Alive reports whether the process lives.
func (p Process) Alive() (bool, error) {
	_, alive, err := p.Stat()
	return alive, err
}

// Pidfd opens the process for signals. The start time is checked after opening, so the descriptor is of the right process
// or the error is [ErrNotRunning].
func (p Process) Pidfd() (int, error) {
	fd, err := p.UncheckedPidfd()
	if err != nil {
		return -1, err
	}
	alive, err := p.Alive()
	if err == nil && !alive {
		err = ErrNotRunning
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// UncheckedPidfd opens what has the process's number, for a caller that checks the start time afterwards.
func (p Process) UncheckedPidfd() (int, error) {
	if p.PID == 0 {
		return -1, ErrNotRunning
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err == unix.ESRCH {
		return -1, ErrNotRunning
	}
	return fd, os.NewSyscallError("pidfd_open", err)
}

// Open opens the process's directory in /proc, which is that of a process and not of a number; the start time says that it
// is the right one. The error is [ErrNotRunning] if it is not, or has ended.
func (p Process) Open() (sys.Proc, error) {
	dir, err := sys.HostProcess(p.PID)
	if err != nil {
		return sys.NoProc, err
	}
	data, err := dir.Read("stat")
	if err == nil {
		if stat, parseErr := proc.ParseStat(data); parseErr != nil || stat.Start != p.Start || stat.Dead() {
			err = ErrNotRunning
		}
	}
	if err != nil {
		dir.Close()
		return sys.NoProc, err
	}
	return dir, nil
}
