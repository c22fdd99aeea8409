package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) traceCommand() *Command {
	var svg string
	return &Command{
		Title: "show what --trace has written",
		Args:  []Arg{{Name: "file", Many: true, kind: kindFile}},
		Description: `Prints when each step began, how long it took, and the field of config.json that it is for, in milliseconds. Of several
files, which must be of the same command, it shows the medians of each step.`,
		Example: "crun-go trace --svg start.svg start.json",
		flags:   []cli.Flag{&cli.StringFlag{Name: "svg", Destination: &svg, Usage: "draw the steps to `FILE`, as SVG, and print nothing; - is standard output"}},
		run: func(c *cli.Context) error {
			steps, err := readTraces(c.Args().Slice())
			if err != nil {
				return err
			}
			if svg == "" {
				return inv.print(traceTable(steps))
			}
			to, err := sys.OpenOutput(svg)
			if err == nil {
				defer to.Close()
				err = to.Write(waterfall(steps), 0o644)
			}
			if err != nil {
				return fmt.Errorf("--svg: %w", err)
			}
			return nil
		},
	}
}

// tracedStep is a step of one trace, or with the medians of its times in many.
type tracedStep struct {
	process, name, field, failed string
	begin, took                  float64 // microseconds
}

// readTraces reads traces, and returns their steps in the order of their beginnings. The
// same step has the same name in each, and is the same of those of its process that have it.
func readTraces(files []string) ([]*tracedStep, error) {
	all := map[string][]*tracedStep{}
	for _, file := range files {
		data, err := sys.ReadGiven(file, 64<<20)
		if err != nil {
			return nil, err
		}
		steps, err := decodeTrace(file, data)
		if err != nil {
			return nil, err
		}
		seen := map[string]int{}
		for _, s := range steps {
			key := s.process + "\x00" + s.name
			seen[key]++
			key += "\x00" + strconv.Itoa(seen[key])
			all[key] = append(all[key], s)
		}
	}
	var steps []*tracedStep
	for _, same := range all {
		s := *same[0]
		s.begin = median(same, func(s *tracedStep) float64 { return s.begin })
		s.took = median(same, func(s *tracedStep) float64 { return s.took })
		steps = append(steps, &s)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("%s: no steps in it, expected what --trace writes", strings.Join(files, ", "))
	}
	slices.SortFunc(steps, func(a, b *tracedStep) int {
		// What encloses another comes first.
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(b.took, a.took))
	})
	return steps, nil
}

func median(steps []*tracedStep, of func(*tracedStep) float64) float64 {
	slices.SortFunc(steps, func(a, b *tracedStep) int { return cmp.Compare(of(a), of(b)) })
	return (of(steps[(len(steps)-1)/2]) + of(steps[len(steps)/2])) / 2
}

// traceEvent is what is read of an event.
type traceEvent struct {
	tracedStep
	phase  string
	pid    int64
	called string // the process
}

func decodeTrace(file string, data []byte) ([]*tracedStep, error) {
	events, err := jsontext.Decode(file, data, func(r *jsontext.Reader, events *[]traceEvent) {
		for key := range r.Fields() {
			if key == "traceEvents" {
				jsontext.List(r, events, "events", readTraceEvent)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var steps []*tracedStep
	for i := range *events {
		e := &(*events)[i]
		if e.phase != "X" {
			continue
		}
		for _, m := range *events {
			if m.phase == "M" && m.pid == e.pid {
				e.process = m.called
			}
		}
		steps = append(steps, &e.tracedStep)
	}
	return steps, nil
}

func readTraceEvent(r *jsontext.Reader, e *traceEvent) {
	for key := range r.Fields() {
		switch key {
		case "name":
			jsontext.Text(r, &e.name)
		case "ph":
			jsontext.Text(r, &e.phase)
		case "pid":
			jsontext.Int(r, &e.pid)
		case "ts":
			e.begin, _ = r.Float()
		case "dur":
			e.took, _ = r.Float()
		case "args":
			for key := range r.Fields() {
				switch key {
				case "name":
					jsontext.Text(r, &e.called)
				case "field":
					jsontext.Text(r, &e.field)
				case "error":
					jsontext.Text(r, &e.failed)
				}
			}
		}
	}
}

func traceTable(steps []*tracedStep) string {
	rows := [][]string{{"BEGIN", "TIME", "PROCESS", "FIELD", "STEP"}}
	for _, s := range steps {
		what := s.name
		if s.failed != "" {
			what += ": " + s.failed
		}
		rows = append(rows, []string{milliseconds(s.begin), milliseconds(s.took), s.process, s.field, what})
	}
	return columns(rows, 0, 2)
}

func milliseconds(us float64) string { return strconv.FormatFloat(us/1000, 'f', 3, 64) }
