package bare

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// needs are functions that the runtime has for what a program writes, by the
// beginning of their names.
var needs = []struct{ prefix, what string }{
	{"runtime.new", "allocates"}, {"runtime.make", "allocates"}, {"runtime.growslice", "allocates"},
	{"runtime.malloc", "allocates"}, {"internal/bytealg.MakeNoZero", "allocates"},
	{"runtime.newproc", "starts a goroutine"},
	{"runtime.map", "uses a map"}, {"internal/runtime/maps.", "uses a map"}, {"runtime.makemap", "uses a map"},
	{"runtime.concat", "builds a string"}, {"runtime.slicebytetostring", "builds a string"},
	{"runtime.slicerunetostring", "builds a string"}, {"runtime.intstring", "builds a string"},
	{"runtime.stringto", "copies a string"}, {"runtime.rawstring", "builds a string"},
	{"runtime.conv", "converts to an interface"}, {"runtime.assert", "converts an interface"},
	{"runtime.typeAssert", "converts an interface"}, {"runtime.interfaceSwitch", "converts an interface"},
	{"runtime.getitab", "converts an interface"},
	{"runtime.gopanic", "panics"}, {"runtime.gorecover", "recovers"}, {"runtime.defer", "defers"},
	{"runtime.chan", "uses a channel"}, {"runtime.makechan", "uses a channel"}, {"runtime.close", "uses a channel"},
	{"runtime.select", "uses a channel"}, {"runtime.block", "uses a channel"},
	{"runtime.entersyscall", "tells the scheduler of a system call"}, {"runtime.lock", "takes a lock of the runtime"},
}

// why says what a function of the runtime is there for: the longest beginning counts.
func why(name string) string {
	what, longest := "is the runtime's", 0
	for _, n := range needs {
		if strings.HasPrefix(name, n.prefix) && len(n.prefix) > longest {
			what, longest = n.what, len(n.prefix)
		}
	}
	return what
}

// ofRuntime reports whether a function is part of package runtime, under whatever
// name other packages link to it, or of its maps.
func (f *function) ofRuntime() bool {
	return strings.HasPrefix(f.name, "runtime.") || strings.HasPrefix(f.file, "runtime/") || strings.HasPrefix(f.name, "internal/runtime/maps.")
}

// A walk follows the calls from some functions.
type walk struct {
	p     *program
	rules *rules
	stops map[string]string // functions not looked into

	queue      []*function
	from       map[*function]*function // its first caller; nil for a root
	edges      map[*function][]*function
	data       []datum
	complaints []string
	said       map[string]bool
}

type datum struct {
	function  *function
	reference reference
	variable  string
}

// check returns what is wrong with all that the roots reach.
func check(p *program, r *rules) []string {
	var roots []*function
	var out []string
	for _, name := range r.roots {
		if f := p.root(name); f != nil {
			roots = append(roots, f)
		} else {
			out = append(out, fmt.Sprintf("root %s: there is no such function", name))
		}
	}
	w := newWalk(p, r, r.excepted)
	out = append(out, w.run(roots)...)
	out = append(out, w.stack(roots)...)
	for name := range r.excepted {
		f := p.root(name)
		if f == nil || !w.reached(f) {
			continue
		}
		inside, alone := newWalk(p, r, nil), []*function{f}
		if len(inside.run(alone)) > 0 || len(inside.stack(alone)) > 0 {
			r.used["except "+name] = true
		}
	}
	return out
}

// root finds a function by its name, the one that Go calls if there is another for
// assembly.
func (p *program) root(name string) *function {
	return cmp.Or(p.byName[name], p.byName[name+".abi0"])
}

func newWalk(p *program, r *rules, stops map[string]string) *walk {
	return &walk{p: p, rules: r, stops: stops, from: map[*function]*function{}, edges: map[*function][]*function{}, said: map[string]bool{}}
}

func (w *walk) reached(f *function) bool { _, ok := w.from[f]; return ok }

func (w *walk) run(roots []*function) []string {
	for _, f := range roots {
		w.enter(nil, f)
	}
	for len(w.queue) > 0 {
		f := w.queue[0]
		w.queue = w.queue[1:]
		if _, stop := w.stops[plain(f.name)]; stop {
			continue
		}
		for _, ref := range f.references {
			w.follow(f, ref)
		}
	}
	w.variables()
	return w.complaints
}

func (w *walk) enter(caller, f *function) {
	if caller != nil {
		w.edges[caller] = append(w.edges[caller], f)
	}
	if !w.reached(f) {
		w.from[f] = caller
		w.queue = append(w.queue, f)
	}
}

func (w *walk) follow(f *function, ref reference) {
	switch ref.kind {
	case calls:
		callee := w.p.function(ref.target)
		if callee == f && !(strings.HasPrefix(ref.text, "CALL") && ref.target == f.start) {
			return // a jump inside
		}
		w.call(f, callee, ref, "calls")
	case indirect:
		if !lets(w.rules, "indirect", w.rules.indirect, f.name) {
			w.complain(f, ref, "calls what only a register or memory names: %s", ref.text)
			return
		}
		for _, table := range w.rules.indirect[plain(f.name)] {
			functions, err := w.p.table(table)
			if err != nil {
				w.complain(f, ref, "calls through a table: %v", err)
			}
			for _, callee := range functions {
				w.call(f, callee, ref, "calls through "+table)
			}
		}
	case obscure:
		w.complain(f, ref, "has an instruction that this check does not understand: %s", ref.text)
	default:
		if name := w.p.variable(ref.target); name != "" {
			w.data = append(w.data, datum{f, ref, name})
		} else if callee := w.p.functionOf(ref.target); callee != nil {
			w.call(f, callee, ref, "refers to")
		}
	}
}

// call follows a call, or complains of it.
func (w *walk) call(f, callee *function, ref reference, does string) {
	switch {
	case callee == nil:
		w.complain(f, ref, "%s what is no function: %s", does, ref.text)
	case lets(w.rules, "allow", w.rules.allowed, callee.name):
		w.edges[f] = append(w.edges[f], callee)
	case callee.ofRuntime():
		w.complain(f, ref, "%s %s, which %s", does, plain(callee.name), why(callee.name))
	default:
		w.enter(f, callee)
	}
}

func (w *walk) complain(f *function, ref reference, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if key := f.name + what; !w.said[key] {
		w.said[key] = true
		w.complaints = append(w.complaints, fmt.Sprintf("%s (%s) %s", w.path(f), ref.at, what))
	}
}

// path is how a function was reached first.
func (w *walk) path(f *function) string {
	if caller := w.from[f]; caller != nil {
		return w.path(caller) + " → " + plain(f.name)
	}
	return plain(f.name)
}

// initial matches functions that run before main.
var initial = regexp.MustCompile(`[^)]\.init(\.\d+)?(\.func\d+)*$`)

// variables complains of package variables that code elsewhere sets, be it an init
// function, the runtime or main: here that has not happened. An init function may
// also set what it only takes the address of.
func (w *walk) variables() {
	setters := map[string]string{}
	for _, d := range w.data {
		setters[d.variable] = ""
	}
	for _, f := range w.p.functions {
		_, stop := w.stops[plain(f.name)]
		if w.reached(f) && !stop {
			continue
		}
		first := initial.MatchString(f.name)
		for _, ref := range f.references {
			if ref.kind == writes || ref.kind == takes && first {
				if name := w.p.variable(ref.target); name != "" && (setters[name] == "" || first) {
					setters[name] = plain(f.name)
				}
			}
		}
	}
	for _, d := range w.data {
		setter := setters[d.variable]
		if setter == "" && strings.HasPrefix(d.variable, "runtime.") {
			setter = "the runtime"
		}
		if setter == "" || lets(w.rules, "allow", w.rules.allowed, d.variable) || lets(w.rules, "variable", w.rules.variables, d.variable) {
			continue
		}
		w.complain(d.function, d.reference, "uses the variable %s, which is not set: %s does that", d.variable, setter)
	}
}
