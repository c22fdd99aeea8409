package cgroups

import (
	"io/fs"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// PSI is pressure stall information (Documentation/accounting/psi.rst): for how
// long some, or all, tasks waited for a resource.
type PSI struct {
	Some, Full PSILine
}

// PSILine has averages in percent over 10, 60 and 300 seconds, and the total
// time in microseconds.
type PSILine struct {
	Avg10, Avg60, Avg300 float64
	Total                uint64
}

func (r *reader) psi(file string) *PSI {
	return parsePSI(r.text(file))
}

// parsePSI reads lines of "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; nil
// if there is none of them.
func parsePSI(text []byte) *PSI {
	var p PSI
	found := false
	for line := range strings.Lines(string(text)) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "some":
			p.Some, found = parsePSILine(rest), true
		case "full":
			p.Full, found = parsePSILine(rest), true
		}
	}
	if !found {
		return nil
	}
	return &p
}

func parsePSILine(text string) (l PSILine) {
	for word := range strings.FieldsSeq(text) {
		key, val, _ := strings.Cut(word, "=")
		f, _ := strconv.ParseFloat(val, 64)
		switch key {
		case "avg10":
			l.Avg10 = f
		case "avg60":
			l.Avg60 = f
		case "avg300":
			l.Avg300 = f
		case "total":
			l.Total, _ = strconv.ParseUint(val, 10, 64)
		}
	}
	return l
}

// PressureTrigger is when pressure is worth telling: some, or all, tasks waited
// for Stall in a time of Window.
type PressureTrigger struct {
	Resource string // cpu, memory, io or irq
	Full     bool   // all tasks, not some
	Stall    time.Duration
	Window   time.Duration
}

// String is the trigger in the kernel's words: "some 150000 1000000".
func (t PressureTrigger) String() string {
	kind := "some"
	if t.Full {
		kind = "full"
	}
	return kind + " " + strconv.FormatInt(t.Stall.Microseconds(), 10) + " " + strconv.FormatInt(t.Window.Microseconds(), 10)
}

// WatchPressure begins to watch for a trigger, which goes off once per window
// at most. The error is EINVAL for times that the kernel refuses (500ms to 10s
// for the window, multiples of 2s without CAP_SYS_RESOURCE), ErrNotSupported
// where it does not account for pressure. The owner calls Close.
func (d *dir) WatchPressure(t PressureTrigger) (*Watch, error) {
	file := t.Resource + ".pressure"
	fd, err := openAt(d.fd, file, unix.O_RDWR|unix.O_NONBLOCK)
	if err != nil {
		return nil, d.pathError("open", file, err)
	}
	// The kernel overwrites the last byte with the end of its string.
	_, err = retry.Write(fd, append([]byte(t.String()), 0))
	if err == nil {
		return &Watch{d, fd, file}, nil
	}
	unix.Close(fd)
	if err == unix.EOPNOTSUPP {
		return nil, &fs.PathError{Op: "watch", Path: d.Dir() + "/" + file, Err: &reason{"the kernel does not account for pressure", ErrNotSupported}}
	}
	return nil, &fs.PathError{Op: "write " + strconv.Quote(t.String()) + " to", Path: d.Dir() + "/" + file, Err: err}
}
