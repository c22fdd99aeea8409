package libcontainer

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// procStat is the part of /proc/PID/stat that tells processes apart, see
// proc_pid_stat(5).
type procStat struct {
	name    string // field 2: of the program, or what the process calls itself
	state   byte   // field 3: 'Z' is a zombie, 'X' dead
	parent  int    // field 4
	group   int    // field 5: process group
	threads int    // field 20: those that were not reaped, the first among them
	start   uint64 // field 22: ticks after boot
}

// dead tells whether all threads of the process have ended.
func (st *procStat) dead() bool { return st.state == 'X' || st.state == 'Z' && st.threads <= 1 }

// parseStat reads a stat line. The command's name (field 2) may hold anything,
// parentheses and spaces included, so fields are counted from its end.
func parseStat(data []byte) (procStat, error) {
	var st procStat
	begin, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if begin < 0 || end < begin {
		return st, errors.New("malformed /proc/PID/stat")
	}
	fields := bytes.Fields(data[end+1:])
	const state, parent, group, threads, start = 0, 1, 2, 17, 19 // field 3 is the first
	if len(fields) <= start || len(fields[state]) != 1 {
		return st, errors.New("malformed /proc/PID/stat")
	}
	var err [4]error
	st.name = string(data[begin+1 : end])
	st.state = fields[state][0]
	st.parent, err[0] = strconv.Atoi(string(fields[parent]))
	st.group, err[1] = strconv.Atoi(string(fields[group]))
	st.threads, err[2] = strconv.Atoi(string(fields[threads]))
	st.start, err[3] = strconv.ParseUint(string(fields[start]), 10, 64)
	return st, errors.Join(err[:]...)
}

// readStat reads a process's stat: the zero value if there is no such process.
func readStat(pid int) (procStat, error) {
	data, err := sys.ReadFile("/proc/"+strconv.Itoa(pid)+"/stat", 4096)
	if goneFromProc(err) {
		return procStat{}, nil
	}
	if err != nil {
		return procStat{}, err
	}
	return parseStat(data)
}

// goneFromProc tells the errors of files in /proc/PID when there is no such process
// (any more).
func goneFromProc(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

// identify reads a process's start time.
func identify(pid int) (state.Process, error) {
	fd, err := retry.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return state.Process{}, &os.PathError{Op: "open", Path: "/proc/" + strconv.Itoa(pid) + "/stat", Err: err}
	}
	defer unix.Close(fd)
	data, err := sys.ReadAll(fd, 4096)
	if err != nil {
		return state.Process{}, err
	}
	stat, err := parseStat(data)
	return state.Process{PID: pid, Start: stat.start}, err
}
