package proc

import (
	"bytes"
	"errors"
	"strconv"
)

// Stat is the part of /proc/PID/stat that tells processes apart, see
// proc_pid_stat(5).
type Stat struct {
	Name    string // field 2: of the program, or what the process calls itself
	State   byte   // field 3: 'Z' is a zombie, 'X' dead
	Parent  int    // field 4
	Group   int    // field 5: process group
	Threads int    // field 20: those that were not reaped, the first among them
	Start   uint64 // field 22: ticks after boot
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
	const state, parent, group, threads, start = 0, 1, 2, 17, 19 // field 3 is the first
	if len(fields) <= start || len(fields[state]) != 1 {
		return st, errors.New("malformed /proc/PID/stat")
	}
	var err [4]error
	st.Name = string(data[begin+1 : end])
	st.State = fields[state][0]
	st.Parent, err[0] = strconv.Atoi(string(fields[parent]))
	st.Group, err[1] = strconv.Atoi(string(fields[group]))
	st.Threads, err[2] = strconv.Atoi(string(fields[threads]))
	st.Start, err[3] = strconv.ParseUint(string(fields[start]), 10, 64)
	return st, errors.Join(err[:]...)
}
