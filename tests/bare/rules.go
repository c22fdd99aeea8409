// Package bare holds what runs without Go's runtime to what can: it walks the calls
// of the linked program from where that begins, and complains, with the path, of what
// allocates, panics, starts goroutines or otherwise needs the runtime, of package
// variables that are not set by then, of calls that can't be followed, and of a
// stack that may grow too deep. The file "rules" says where it begins and what is let
// pass. `make lint` runs it, for each architecture that has an entry.
package bare

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A rules is the content of the file of that name.
type rules struct {
	stack     int64 // bytes that may be used
	roots     []string
	allowed   map[string]string   // functions and variables of Go's: why
	variables map[string]string   // of ours: why
	indirect  map[string][]string // function: the tables through which it calls
	rounds    map[string]int64    // function: how often it may be on the stack
	excepted  map[string]string   // functions not looked into: why
	used      map[string]bool     // lines that let something pass
}

func readRules(path string) (*rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := parseRules(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func parseRules(text string) (*rules, error) {
	r := &rules{allowed: map[string]string{}, variables: map[string]string{}, indirect: map[string][]string{},
		rounds: map[string]int64{}, excepted: map[string]string{}, used: map[string]bool{}}
	seen := map[string]bool{}
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if subject := strings.Join(words[:min(len(words), 2)], " "); seen[subject] {
			return nil, fmt.Errorf("line %d: %s is there twice", n+1, subject)
		} else {
			seen[subject] = true
		}
		if err := r.parseLine(words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if r.stack == 0 || len(r.roots) == 0 {
		return nil, fmt.Errorf("want stack BYTES and root FUNCTION, one or more")
	}
	return r, nil
}

func (r *rules) parseLine(key string, words []string) error {
	form := map[string]string{"stack": "BYTES", "root": "FUNCTION", "allow": "NAME REASON", "variable": "NAME REASON",
		"indirect": "FUNCTION TABLE[,TABLE] REASON", "recursion": "FUNCTION TIMES REASON", "except": "FUNCTION REASON"}[key]
	least := len(strings.Fields(form))
	exact := key == "stack" || key == "root"
	if form == "" || len(words) < least || exact && len(words) > least {
		return fmt.Errorf("want %s %s", key, form)
	}
	name, reason := words[0], strings.Join(words[1:], " ")
	var err error
	switch key {
	case "stack":
		r.stack, err = strconv.ParseInt(name, 10, 64)
	case "root":
		r.roots = append(r.roots, name)
	case "allow":
		r.allowed[name] = reason
	case "variable":
		r.variables[name] = reason
	case "indirect":
		r.indirect[name] = strings.Split(words[1], ",")
	case "recursion":
		r.rounds[name], err = strconv.ParseInt(words[1], 10, 64)
	case "except":
		r.excepted[name] = reason
	}
	return err
}

// plain is a function's name without the suffix of its calling convention.
func plain(name string) string { return strings.TrimSuffix(name, ".abi0") }

// lets reports whether a table has a function or variable, and notes that it was of
// use. A name that ends with * stands for all that begin like it.
func lets[V any](r *rules, key string, table map[string]V, name string) bool {
	name = plain(name)
	if _, ok := table[name]; ok {
		r.used[key+" "+name] = true
		return true
	}
	for pattern := range table {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, prefix) {
			r.used[key+" "+pattern] = true
			return true
		}
	}
	return false
}

// stale complains of lines that let nothing pass; not of those for Go's own, which
// one architecture or step may need and another not.
func (r *rules) stale() []string {
	var out []string
	add := func(key, name string) {
		if !r.used[key+" "+name] {
			out = append(out, fmt.Sprintf("%s %s: nothing needs it", key, name))
		}
	}
	for name := range r.variables {
		add("variable", name)
	}
	for name := range r.indirect {
		add("indirect", name)
	}
	for name := range r.rounds {
		add("recursion", name)
	}
	for name := range r.excepted {
		add("except", name)
	}
	slices.Sort(out)
	return out
}
