package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// conclude writes down what came of the points, and fails if that is not as it
// should be.
func (s *sweep) conclude() error {
	slices.SortStableFunc(s.results, func(a, b result) int {
		return slices.Index(order, a.Scenario) - slices.Index(order, b.Scenario)
	})
	if err := s.write(); err != nil {
		return err
	}
	s.table()
	var complaints []string
	for name := range s.strange {
		complaints = append(complaints, "no line in calls.go for "+name)
	}
	var rules accepted
	if s.accepted != "" {
		var err error
		if rules, err = readAccepted(s.accepted); err != nil {
			return err
		}
		for _, r := range s.results {
			if !good[r.Outcome] && !rules.accept(r) {
				complaints = append(complaints, r.String())
			}
		}
	}
	if whole := !s.sample && s.only == "" && s.call == "" && s.every == 1; whole {
		for _, one := range rules.idle() {
			fmt.Println("nothing of this kind any more:", one.outcome, one.scenario, one.role, one.call, one.class, one.fault)
		}
	}
	for _, c := range complaints {
		fmt.Println(c)
	}
	if len(complaints) > 0 {
		return fmt.Errorf("%d points are not as they should be", len(complaints))
	}
	return nil
}

func (r result) String() string {
	return strings.Join([]string{r.Outcome, r.Scenario, r.Fault.String(), oneLine(r.Detail)}, "\t")
}

func oneLine(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\n", " | "), "\t", " ")
	return s[:min(len(s), 400)]
}

// write gives each point a line: outcome, scenario, role, call, what it is about,
// which of these, the fault, milliseconds, detail.
func (s *sweep) write() error {
	if s.out == "" {
		return nil
	}
	var b strings.Builder
	for _, r := range s.results {
		fault := strings.TrimPrefix(r.Fault.String(), r.Fault.Point.String()+" ")
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%d\t%s\n", r.Outcome, r.Scenario, r.Fault.Point, fault, r.Took.Milliseconds(), oneLine(r.Detail))
	}
	return os.WriteFile(s.out, []byte(b.String()), 0o644)
}

// table prints how many points of each scenario had which outcome.
func (s *sweep) table() {
	count := map[string]map[string]int{"all": {}}
	for _, r := range s.results {
		if count[r.Scenario] == nil {
			count[r.Scenario] = map[string]int{}
		}
		for _, name := range []string{r.Scenario, "all"} {
			count[name][r.Outcome]++
			count[name]["points"]++
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := append([]string{"points"}, outcomes...)
	fmt.Fprintf(out, "command\t%s\t\n", strings.Join(columns, "\t"))
	for _, name := range append(slices.Clone(order), "all") {
		if count[name] == nil {
			continue
		}
		fmt.Fprint(out, name)
		for _, c := range columns {
			fmt.Fprintf(out, "\t%d", count[name][c])
		}
		fmt.Fprint(out, "\t\n")
	}
	_ = out.Flush()
}

// Accepted are the kinds of points that are not as they should be, with reasons.
type accepted []*rule

// A rule accepts one outcome of the points that it matches, by patterns in which *
// stands for anything.
type rule struct {
	outcome, scenario, role, call, class, fault string
	used                                        bool
}

// idle are the rules that no point has needed.
func (all accepted) idle() []*rule {
	return slices.DeleteFunc(slices.Clone(all), func(one *rule) bool { return one.used })
}

// readAccepted reads lines of seven columns, with tabs between.
func readAccepted(path string) (accepted, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all accepted
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 || f[6] == "" {
			return nil, fmt.Errorf("%s:%d: want outcome, scenario, role, call, class, fault and reason", path, n+1)
		}
		all = append(all, &rule{outcome: f[0], scenario: f[1], role: f[2], call: f[3], class: f[4], fault: f[5]})
	}
	return all, nil
}

func (all accepted) accept(r result) bool {
	fault := strings.TrimPrefix(r.Fault.String(), r.Fault.Point.String()+" ")
	at := slices.IndexFunc(all, func(one *rule) bool {
		return one.outcome == r.Outcome && matches(one.scenario, r.Scenario) && matches(one.role, r.Fault.Point.Role) &&
			matches(one.call, r.Fault.Point.Call) && matches(one.class, r.Fault.Point.Class) && matches(one.fault, fault)
	})
	if at < 0 {
		return false
	}
	all[at].used = true
	return true
}

// matches reports whether s is of the pattern, in which * stands for anything.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		if !ok {
			return false
		}
		_, rest, ok = strings.Cut(rest, part)
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}
