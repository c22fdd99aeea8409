package libcontainer

import (
	"bytes"
	"errors"
	"strconv"
)

// procStat is the part of /proc/PID/stat that tells processes apart, see
// proc_pid_stat(5).
type procStat struct {
	state byte   // field 3: 'Z' is a zombie, 'X' dead
	start uint64 // field 22: ticks after boot
}

// parseStat reads a stat line. The command's name (field 2) may hold anything,
// parentheses and spaces included, so fields are counted from its end.
func parseStat(data []byte) (procStat, error) {
	var st procStat
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return st, errors.New("malformed /proc/PID/stat")
	}
	fields := bytes.Fields(data[end+1:])
	const state, start = 0, 19 // fields 3 and 22
	if len(fields) <= start || len(fields[state]) != 1 {
		return st, errors.New("malformed /proc/PID/stat")
	}
	var err error
	st.state = fields[state][0]
	st.start, err = strconv.ParseUint(string(fields[start]), 10, 64)
	return st, err
}
