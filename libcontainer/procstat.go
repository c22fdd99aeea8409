package libcontainer

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// ReadStat reads a process's stat: the zero value if there is no such process.
func ReadStat(pid int) (proc.Stat, error) {
	data, err := sys.ReadFile("/proc/"+strconv.Itoa(pid)+"/stat", 4096)
	if GoneFromProc(err) {
		return proc.Stat{}, nil
	}
	if err != nil {
		return proc.Stat{}, err
	}
	return proc.ParseStat(data)
}

// GoneFromProc tells the errors of files in /proc/PID when there is no such process
// (any more).
func GoneFromProc(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

// Identify reads a process's start time.
func Identify(pid int) (state.Process, error) {
	data, err := sys.ReadFile("/proc/"+strconv.Itoa(pid)+"/stat", 4096)
	if err != nil {
		return state.Process{}, err
	}
	stat, err := proc.ParseStat(data)
	return state.Process{PID: pid, Start: stat.Start}, err
}

// OpenProcess opens a process's directory in /proc, which is that of a process and not
// of a number; the start time says that it is the right one. The error is
// [ErrNotRunning] if it is not, or has ended.
func OpenProcess(p state.Process) (sys.Proc, error) {
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
