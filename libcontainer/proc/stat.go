package proc

import (
	"bytes"
	"errors"
	"strconv"
)

// Stat is the part of /proc/PID/stat that identifies processes, see
// proc_pid_stat(5).
type Stat struct {
	Name    string // field 2: of the program, or what the process calls itself
	State   byte   // field 3: 'Z' is a zombie, 'X' dead
	Parent  int    // field 4
	Group   int    // field 5: process group
	Threads int    // field 20: those that were not reaped, the first among them
	Start   uint64 // field 22: ticks after boot
	CPU     uint64 // fields 14 and 15: ticks in user and in kernel mode
	Pages   uint64 // field 24: resident; of a kernel's own size
}

// Dead reports whether all threads of the process have ended.
func (st *Stat) Dead() bool { return st.State == 'X' || st.State == 'Z' && st.Threads <= 1 }

// ParseStat reads a stat line. The command's name (field 2) may hold anything,
// parentheses and spaces included, so fields are counted from its end.
func ParseStat(data []byte) (Stat, error) {
	var st Stat
	begin, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if begin < 0 || end < begin {
		return st, errors.New("malformed /proc/PID/stat")
	}
	fields := bytes.Fields(data[end+1:])
	const state, parent, group, user, system, threads, start, pages = 0, 1, 2, 11, 12, 17, 19, 21 // field 3 is the first
	if len(fields) <= pages || len(fields[state]) != 1 {
		return st, errors.New("malformed /proc/PID/stat")
	}
	var err [7]error
	var kernel uint64
	st.Name = string(data[begin+1 : end])
	st.State = fields[state][0]
	st.Parent, err[0] = strconv.Atoi(string(fields[parent]))
	st.Group, err[1] = strconv.Atoi(string(fields[group]))
	st.Threads, err[2] = strconv.Atoi(string(fields[threads]))
	st.Start, err[3] = strconv.ParseUint(string(fields[start]), 10, 64)
	st.CPU, err[4] = strconv.ParseUint(string(fields[user]), 10, 64)
	kernel, err[5] = strconv.ParseUint(string(fields[system]), 10, 64)
	st.Pages, err[6] = strconv.ParseUint(string(fields[pages]), 10, 64)
	st.CPU += kernel
	return st, errors.Join(err[:]...)
}
