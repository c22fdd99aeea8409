// Package lint holds the program to the boundaries written in .imports: which
// package may import which, which may use unsafe, print or exit, which heavy
// imports stay out of the start path, and how large files, functions and types grow.
// It runs as a test; `make check` includes it.
package lint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A rules is the content of an .imports file.
type rules struct {
	may      map[string][]string // package: what it may import of this module
	unsafe   []string            // packages that may import unsafe
	speak    []string            // packages that may use the standard streams
	exit     []string            // packages that may end the process
	only     map[string][]string // name: files that may use it
	tools    []string            // build-time programs: not part of the binary, free
	heavy    []string            // import paths kept out of the program
	excepted []string            // package:import exceptions to heavy
	openers  []string            // packages that may open files by themselves

	fileLines, blockLines   int
	typeMethods, typeFields int

	openReasons map[string]string // file:function: why it opens something by itself
	openUsed    map[string]bool
	typeReasons map[string]string // package.type: why it may be larger
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
	r := &rules{
		may: map[string][]string{}, only: map[string][]string{},
		openReasons: map[string]string{}, openUsed: map[string]bool{}, typeReasons: map[string]string{},
	}
	groups := map[string][]string{}
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := r.parseLine(groups, words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return r, nil
}

func (r *rules) parseLine(groups map[string][]string, key string, words []string) error {
	switch key {
	case "group":
		if len(words) < 2 || words[1] != "=" {
			return fmt.Errorf("want group NAME = PACKAGE, one or more")
		}
		groups[words[0]] = words[2:]
	case "unsafe":
		r.unsafe = words
	case "speak":
		r.speak = words
	case "exit":
		r.exit = words
	case "only":
		if len(words) < 2 {
			return fmt.Errorf("want only NAME FILE, one or more")
		}
		r.only[words[0]] = words[1:]
	case "tools":
		r.tools = words
	case "heavy":
		r.heavy = words
	case "heavy-allowed":
		for _, w := range words {
			if !strings.Contains(w, ":") {
				return fmt.Errorf("want PACKAGE:IMPORT, not %q", w)
			}
		}
		r.excepted = append(r.excepted, words...)
	case "openers":
		r.openers = words
	case "open":
		if len(words) < 3 || !strings.Contains(words[0], ":") {
			return fmt.Errorf("want open FILE:FUNCTION REASON")
		}
		r.openReasons[words[0]] = strings.Join(words[1:], " ")
	case "type":
		if len(words) < 2 || !strings.Contains(words[0], ".") {
			return fmt.Errorf("want type PACKAGE.NAME REASON")
		}
		r.typeReasons[words[0]] = strings.Join(words[1:], " ")
	case "lines":
		return parseBudget(key+" FILE FUNCTION", words, &r.fileLines, &r.blockLines)
	case "types":
		return parseBudget(key+" METHODS FIELDS", words, &r.typeMethods, &r.typeFields)
	default:
		return r.parsePackage(groups, key, words)
	}
	return nil
}

// parseBudget reads two numbers.
func parseBudget(usage string, words []string, first, second *int) error {
	if len(words) != 2 {
		return fmt.Errorf("want %s", usage)
	}
	var err error
	if *first, err = strconv.Atoi(words[0]); err != nil {
		return err
	}
	*second, err = strconv.Atoi(words[1])
	return err
}

func (r *rules) parsePackage(groups map[string][]string, pkg string, words []string) error {
	if _, seen := r.may[pkg]; seen {
		return fmt.Errorf("package %s is listed twice", pkg)
	}
	r.may[pkg] = []string{}
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, "@"); ok {
			members, ok := groups[name]
			if !ok {
				return fmt.Errorf("unknown group %s", w)
			}
			r.may[pkg] = append(r.may[pkg], members...)
			continue
		}
		r.may[pkg] = append(r.may[pkg], w)
	}
	return nil
}

// check returns one complaint for each place that breaks a rule.
func (r *rules) check(tree []sourceFile) []string {
	var complaints []string
	for _, f := range tree {
		if slices.Contains(r.tools, f.pkg) {
			continue
		}
		for _, c := range r.checkFile(f) {
			complaints = append(complaints, f.path+": "+c)
		}
	}
	return append(complaints, r.checkTypes(tree)...)
}

func (r *rules) checkFile(f sourceFile) []string {
	var out []string
	complain := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }

	may, listed := r.may[f.pkg]
	if !listed {
		complain("package %s is not in .imports", f.pkg)
	}
	for _, path := range f.own {
		if listed && path != f.pkg && !slices.Contains(may, path) {
			complain("%s imports %s, which .imports does not allow", f.pkg, path)
		}
	}
	for _, path := range f.foreign {
		switch {
		case path == "unsafe" && !slices.Contains(r.unsafe, f.pkg):
			complain("%s imports unsafe", f.pkg)
		case slices.Contains(r.heavy, path) && !slices.Contains(r.excepted, f.pkg+":"+path):
			complain("%s imports %s, too heavy for the start path", f.pkg, path)
		}
	}
	for _, name := range f.uses {
		if files := r.only[name]; files != nil && !slices.Contains(files, f.path) {
			complain("uses %s, which only %s may", name, strings.Join(files, " and "))
		}
		switch name {
		case "fmt.Print", "fmt.Printf", "fmt.Println":
			if !slices.Contains(r.speak, f.pkg) {
				complain("%s calls %s: only cli prints", f.pkg, name)
			}
		case "os.Stdout", "os.Stderr":
			if !slices.Contains(r.speak, f.pkg) {
				complain("%s uses %s: only cli prints", f.pkg, name)
			}
		case "os.Exit", "syscall.Exit", "unix.Exit":
			if !slices.Contains(r.exit, f.pkg) {
				complain("%s calls %s: only cli exits", f.pkg, name)
			}
		}
	}
	for _, phrase := range f.phrases {
		complain("a comment begins %q: Go says \"reports whether\"", phrase)
	}
	out = append(out, r.checkOpens(f)...)
	if r.fileLines > 0 && !f.generated && f.lines > r.fileLines {
		complain("file has %d lines, the budget is %d", f.lines, r.fileLines)
	}
	for _, b := range f.functions {
		if r.blockLines > 0 && b.lines > r.blockLines {
			complain("function %s has %d lines, the budget is %d", b.name, b.lines, r.blockLines)
		}
	}
	return out
}
