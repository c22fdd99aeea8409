package cgroups

import (
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Max stands for the kernel's "max": no limit.
const Max = math.MaxUint64

// Stats is what the cgroup and those below it use. What there is no controller
// for is nil. Times are in microseconds, sizes in bytes.
type Stats struct {
	CPU       *CPUStats
	Cpuset    *CpusetStats
	Memory    *MemoryStats
	MemoryPSI *PSI // needs no controller, like CPU.PSI and IOPSI
	Pids      *PidsStats
	IO        []IOStats // per device that was used
	IOPSI     *PSI
	Hugetlb   []HugetlbStats
	Rdma      []RdmaStats
	Misc      []MiscStats
}

// Stats reads all of it.
func (c *Cgroup) Stats() (s Stats, err error) {
	r := reader{d: &c.dir}
	if s.CPU, err = r.cpuStats(); err != nil {
		return s, err
	}
	if s.Cpuset, err = r.cpusetStats(); err != nil {
		return s, err
	}
	if s.Memory, s.MemoryPSI, err = r.memoryStats(); err != nil {
		return s, err
	}
	if s.Pids, err = r.pidsStats(); err != nil {
		return s, err
	}
	if s.IO, s.IOPSI, err = r.ioStats(); err != nil {
		return s, err
	}
	if s.Hugetlb, err = r.hugetlbStats(); err != nil {
		return s, err
	}
	if s.Rdma, err = r.rdmaStats(); err != nil {
		return s, err
	}
	s.Misc, err = r.miscStats()
	return s, err
}

// KeyValue is a line of a flat keyed file.
type KeyValue struct {
	Key   string
	Value uint64
}

// reader reads files that may be missing, keeping the first other error.
type reader struct {
	d   *dir
	err error
}

// text is the content of a file, nil if there is none. EOPNOTSUPP is what a
// file answers whose feature is switched off, as with psi=0.
func (r *reader) text(file string) []byte {
	if r.err != nil {
		return nil
	}
	b, err := readAt(r.d.fd, file)
	if err != nil {
		if err != unix.ENOENT && err != unix.EOPNOTSUPP {
			r.err = r.d.pathError("read", file, err)
		}
		return nil
	}
	return b
}

func (r *reader) has(file string) bool {
	return r.err == nil && unix.Faccessat(r.d.fd, file, unix.F_OK, 0) == nil
}

// number is a file of one number or "max", 0 if it is missing.
func (r *reader) number(file string) uint64 {
	b := r.text(file)
	if b == nil {
		return 0
	}
	n, ok := parseMax(b)
	if !ok {
		r.err = r.d.parseError(file, b)
	}
	return n
}

func (r *reader) keyValues(file string) []KeyValue {
	var list []KeyValue
	eachKey(r.text(file), func(key string, n uint64) { list = append(list, KeyValue{key, n}) })
	return list
}

// eachKey calls f for the lines of a flat keyed file, "KEY VALUE". Lines of
// another form are left out: files grow with the kernel.
func eachKey(text []byte, f func(key string, n uint64)) {
	for line := range strings.Lines(string(text)) {
		key, val, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			continue
		}
		// misc.current pads its columns.
		if n, ok := parseMax([]byte(val)); ok {
			f(key, n)
		}
	}
}

// parseMax reads a number, or "max".
func parseMax(text []byte) (uint64, bool) {
	s := strings.TrimSpace(string(text))
	if s == "max" {
		return Max, true
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// files lists the directory.
func (d *dir) files() ([]string, error) {
	fd, err := openAt(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, d.pathError("open", "cgroup.controllers", err)
	}
	f := os.NewFile(uintptr(fd), d.Dir())
	defer f.Close()
	return f.Readdirnames(-1)
}
