package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What may come of a point. The first ones are as they should be.
const (
	harmless  = "harmless"  // exit code 0, the same container
	clean     = "clean"     // another exit code, one line with the errno, nothing left
	recovered = "recovered" // killed: state answers, delete --force leaves nothing
	unreached = "unreached" // the call was not made this time

	broken   = "broken off" // failed for being interrupted, with EINTR
	nameless = "nameless"   // the line does not have the errno
	lines    = "lines"      // more than one line
	silent0  = "silent"     // no line
	another  = "another"    // exit code 0, but not the same container
	undone   = "undone"     // the failed command has not taken back what it did
	remains  = "remains"    // something is left after success, or after delete --force
	hangs    = "hang"       // it did not end
	dump     = "dump"       // the abort of a language's runtime
	lost     = "lost"       // delete --force fails, or state answers nonsense
)

// outcomes in the order of the table.
var outcomes = []string{harmless, clean, recovered, broken, nameless, lines, silent0, another, undone, remains, hangs, dump, lost, unreached}

var good = map[string]bool{harmless: true, clean: true, recovered: true, unreached: true}

// do runs a scenario once and judges it.
func (w *worker) do(j job) (report, error) {
	s := scenarios[j.Scenario]
	if s == nil {
		return report{}, fmt.Errorf("no such scenario")
	}
	want := w.want[s.name]
	if want == nil {
		want = new(expectation)
		if err := w.expect(s, want); err != nil {
			return report{}, err
		}
		w.want[s.name] = want
	}
	if err := w.prepare(s); err != nil {
		return report{}, err
	}
	defer func() { _ = w.sweepOut() }()
	var r report
	if j.Fault == nil {
		w.saw = func(p point) { r.Points = append(r.Points, p) }
	} else {
		w.fault = j.Fault
	}
	out, err := w.runs(s.args, true)
	if err != nil {
		return r, err
	}
	w.saw, w.fault = nil, nil
	r.Outcome, r.Detail, err = w.judge(s, want, j.Fault, out)
	if err == nil && r.Outcome == another && want.seen != nil {
		// Perhaps it is so from time to time.
		err = w.again(s, want, &r)
	}
	if r.Reached = w.hit; j.Fault != nil && !w.hit && good[r.Outcome] {
		r.Outcome = unreached
	}
	return r, err
}

// again looks once more what a scenario comes to by itself, for another container.
func (w *worker) again(s *scenario, want *expectation, r *report) error {
	hit, seen := w.hit, want.seen
	want.seen = nil
	if err := w.expect(s, want); err != nil {
		return err
	}
	if r.Detail = want.differs(seen, want.after); r.Detail == "" {
		r.Outcome = harmless
	}
	w.hit = hit
	return nil
}

// prepare does what comes before a scenario's command.
func (w *worker) prepare(s *scenario) error {
	if err := w.sweepOut(); err != nil {
		return err
	}
	w.every = true
	for i, args := range s.before {
		out, err := w.runs(args, s.follow && i == len(s.before)-1)
		if err != nil {
			return err
		}
		if out.code != 0 || out.late {
			return fmt.Errorf("%w: %v: exit code %d: %s", errUnharmed, args, out.code, out.stderr)
		}
		if args[0] == "kill" {
			if _, err := over(w); err != nil {
				return err
			}
		}
	}
	for _, th := range w.threads {
		clear(th.process.counts)
	}
	return os.WriteFile(w.path("stdout"), nil, 0o644)
}

// expect runs a scenario unharmed, some times. What differs from run to run is no
// part of what it comes to.
func (w *worker) expect(s *scenario, e *expectation) error {
	for range w.looks {
		if err := w.prepare(s); err != nil {
			return err
		}
		before, err := w.look()
		if err != nil {
			return err
		}
		out, err := w.runs(s.args, true)
		if err != nil {
			return err
		}
		if out.code != 0 || out.late {
			return fmt.Errorf("%w: exit code %d: %s", errUnharmed, out.code, out.stderr)
		}
		after, err := w.observe(s)
		if err != nil {
			return err
		}
		if e.after == nil {
			e.before, e.after = before, after
		}
		e.vary(before, e.before)
		e.vary(after, e.after)
		if _, err := w.runs([]string{"delete", "--force", "c"}, false); err != nil {
			return err
		}
		e.leaves = append(e.leaves, w.left()...)
	}
	return w.sweepOut()
}

// observe is all that is to be seen after a scenario's command has succeeded.
func (w *worker) observe(s *scenario) ([]string, error) {
	var seen []string
	var err error
	if s.after != nil {
		if seen, err = s.after(w); err != nil {
			return nil, err
		}
	} else if s.name != "state" { // which reports times
		if seen, err = w.printed(); err != nil {
			return nil, err
		}
		for i := range seen {
			seen[i] = digits.ReplaceAllString(seen[i], "N")
		}
	}
	looked, err := w.look()
	return append(seen, looked...), err
}

var digits = regexp.MustCompile(`[0-9]+`)

// judge says what came of a command that has ended as said.
func (w *worker) judge(s *scenario, want *expectation, f *fault, out said) (outcome, detail string, err error) {
	killed := f != nil && f.Kill != ""
	text := strings.TrimSpace(w.names.Replace(out.stderr))
	worse := func(o, d string) {
		if outcome == "" || slices.Index(outcomes, o) > slices.Index(outcomes, outcome) {
			outcome, detail = o, d
		}
	}
	switch {
	case out.late:
		worse(hangs, text)
	case isDump(out):
		worse(dump, strings.SplitN(text, "\n", 2)[0])
	case killed && out.code == 128+9: // the runtime's own end, or that of what it waits for
		worse(recovered, "")
	case out.code == 0:
		worse(harmless, "")
		if killed {
			break // after the report of success it is found dead
		}
		seen, err := w.observe(s)
		if err != nil {
			worse(another, err.Error())
		} else if d := want.differs(seen, want.after); d != "" {
			worse(another, d)
			want.seen = seen
		}
	default:
		worse(clean, text)
		for _, o := range saying(text, f, killed) {
			worse(o, text)
		}
		d, err := w.stays(s, want)
		if err != nil {
			return "", "", err
		}
		if d != "" && !killed || s.makes && d != "" {
			worse(undone, strconv.Quote(text)+" "+d)
		}
	}
	if err := w.finish(want, worse, killed); err != nil {
		return "", "", err
	}
	if killed && good[outcome] {
		outcome = recovered
	}
	return outcome, detail, nil
}

func isDump(s said) bool {
	return strings.Contains(s.stderr, "goroutine ") || strings.Contains(s.stderr, "fatal error: ") || strings.Contains(s.stderr, "panic: ") ||
		s.signal != 0 && s.signal != unix.SIGKILL || strings.Contains(s.stderr, "runtime: ")
}

// saying judges the text of a failure.
func saying(text string, f *fault, killed bool) (found []string) {
	n := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "hint: ") && !strings.Contains(line, "level=warning") && strings.TrimSpace(line) != "" {
			n++
		}
	}
	switch {
	case n == 0:
		return []string{silent0}
	case n > 1:
		found = append(found, lines)
	}
	if f != nil && f.Errno == "EINTR" {
		found = append(found, broken)
	}
	if f != nil && !killed {
		word := strings.ToLower(errnos[f.Errno].Error())
		if !strings.Contains(strings.ToLower(text), word) && !strings.Contains(text, f.Errno) {
			found = append(found, nameless)
		}
	}
	return found
}

// stays compares what there is after a failure with what there was before the
// command.
func (w *worker) stays(s *scenario, want *expectation) (string, error) {
	if s.makes {
		found := w.vanished(want)
		if _, err := os.Stat(w.path("pid")); err == nil {
			found = append(found, "the pid file")
		}
		return strings.Join(found, "; "), nil
	}
	if s.ends {
		return "", nil
	}
	var d string
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); { // what was killed takes a moment
		seen, err := w.look()
		if err != nil {
			return "", err
		}
		if d = want.differs(seen, want.before); d == "" {
			break
		}
		w.reap()
	}
	if _, err := os.Stat(w.path("pid")); err == nil {
		d += "; the pid file"
	}
	return d, nil
}

// finish deletes the container, after which there has to be nothing.
func (w *worker) finish(want *expectation, worse func(string, string), killed bool) error {
	if killed {
		out, err := w.runs([]string{"state", "c"}, false)
		if err != nil {
			return err
		}
		if out.late || isDump(out) || out.code > 1 {
			worse(lost, fmt.Sprintf("state: exit code %d: %s", out.code, out.stderr))
		}
	}
	there := len(entries(w.path("root"))) > 0
	out, err := w.runs([]string{"delete", "--force", "c"}, false)
	if err != nil {
		return err
	}
	if there && (out.code != 0 || out.late) {
		worse(lost, fmt.Sprintf("delete --force: exit code %d: %s", out.code, out.stderr))
	}
	if found := w.vanished(want); len(found) > 0 {
		worse(remains, strings.Join(found, "; "))
	}
	return nil
}
