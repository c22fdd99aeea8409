package cgroups

import (
	"strconv"
	"strings"
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
