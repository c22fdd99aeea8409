// Package check finds everything that is wrong with a config.json at once.
//
// Reading a configuration and planning from it end at the first mistake. To find the
// others without a second set of rules, check takes that mistake out of the document
// and starts again: what it reports is what create would report, one after the other.
package check

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

// What bounds how often the search starts again: a document can be made to keep
// the checker busy.
const (
	maxMistakes = 200
	maxRead     = 16 << 20 // bytes of the document, in all
)

// Result is what is to be said of a configuration.
type Result struct {
	// Mistakes are those for which create refuses the configuration, in the order in
	// which it would report them, each a *plan.FieldError or a *jsontext.Error.
	Mistakes []error
	// Warnings are about what has no effect, or not the expected one.
	Warnings []specconv.Warning
	// Unknown are the paths of keys that mean nothing.
	Unknown []string
	// Spec is what was read, without the mistakes; nil if the document is no JSON.
	Spec *specs.Spec
	// Plan is what would be done without the mistakes; nil if one of them could not be
	// left out. Then there may be more than are listed.
	Plan *plan.Plan
}

// Config checks the text of a configuration. The file's name is for errors. facts
// gives the host's, and the options, for a configuration as far as it could be read.
func Config(file string, text []byte, facts func(*specs.Spec) (specconv.Host, specconv.Options, error)) (*Result, error) {
	d := document{text: slices.Clone(text)}
	r := new(Result)
	for n := range maxMistakes {
		if n > 0 && n*len(text) > maxRead {
			break
		}
		spec, _, unknown, err := ocijson.Config(file, d.text)
		if err == nil {
			if r.Unknown == nil {
				r.Unknown = unknown
			}
			r.Spec = spec
			for _, amend := range d.amended {
				amend(spec)
			}
			host, options, factsErr := facts(spec)
			if factsErr != nil {
				return nil, factsErr
			}
			if d.asRoot {
				host.EUID, host.UserNS = 0, false
			}
			var p *plan.Plan
			var warnings []specconv.Warning
			p, warnings, err = specconv.Plan(spec, host, options)
			r.Warnings = merge(r.Warnings, d.translated(warnings))
			if err == nil {
				r.Plan = p
				return r, nil
			}
		}
		mistake, field := d.original(err)
		ours := d.made(field)
		if !ours {
			r.Mistakes = append(r.Mistakes, mistake)
		}
		if !d.leaveOut(field, ours) {
			return r, nil
		}
	}
	return r, nil
}

// merge adds the warnings that are not there yet.
func merge(all, more []specconv.Warning) []specconv.Warning {
	for _, w := range more {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// document is a configuration from which mistakes are taken out.
type document struct {
	text    []byte
	removed []element           // of arrays, in the order of their indices
	gone    []string            // what was taken out, by its fields in the document as it was
	amended []func(*specs.Spec) // what stands in for what is required
	asRoot  bool
}

// element is one of an array, by its index in the document as it was.
type element struct {
	array string
	index int
}

// original returns an error with the field as it is in the document as it was, and the
// field as it is now.
func (d *document) original(err error) (mistake error, field string) {
	var f *plan.FieldError
	var j *jsontext.Error
	switch {
	case errors.As(err, &f):
		is := *f
		is.Field = d.originalField(f.Field)
		return &is, f.Field
	case errors.As(err, &j):
		is := *j
		is.Path = d.originalField(j.Path)
		return &is, j.Path
	}
	return err, ""
}

func (d *document) translated(warnings []specconv.Warning) []specconv.Warning {
	for i := range warnings {
		warnings[i].Field = d.originalField(warnings[i].Field)
	}
	return warnings
}

// originalField corrects the indices of a field by the elements that were taken out
// before them.
func (d *document) originalField(field string) string {
	var out strings.Builder
	for {
		array, rest, found := strings.Cut(field, "[")
		digits, after, closed := strings.Cut(rest, "]")
		n, err := strconv.Atoi(digits)
		out.WriteString(array)
		if !found {
			return out.String()
		}
		if !closed || err != nil { // a key in quotes
			out.WriteString("[" + rest)
			return out.String()
		}
		name := out.String()
		for _, e := range d.removed { // in the order of their indices
			if e.array == name && e.index <= n {
				n++
			}
		}
		out.WriteString("[" + strconv.Itoa(n) + "]")
		field = after
	}
}

// made reports whether a mistake at a field comes of what was taken out there.
func (d *document) made(field string) bool {
	field = d.originalField(field)
	return field != "" && slices.ContainsFunc(d.gone, func(gone string) bool {
		rest, below := strings.CutPrefix(gone, field)
		return below && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// leaveOut takes a field out of the document, or puts something in its place that is
// no mistake; more of it, if it is not enough to take the field alone. It reports
// whether it could.
func (d *document) leaveOut(field string, more bool) bool {
	if amend := required(field); amend != nil && !more {
		return d.amend(field, amend)
	}
	if field == "linux.namespaces" && !d.asRoot {
		d.asRoot = true // an ordinary user's must have a user namespace, with mappings
		return true
	}
	if more {
		field = parentOf(field)
	}
	for ; field != "" && !whole(field); field = parentOf(field) {
		span, in, ok := locate(d.text, field)
		if ok {
			for i := span.Start; i < span.End; i++ {
				if d.text[i] != '\n' {
					d.text[i] = ' ' // lines and columns stay as they are
				}
			}
			d.gone = append(d.gone, d.originalField(field))
			if in.array != "" {
				d.remove(in)
			}
			return true
		}
		if amend := absent(field); amend != nil {
			return d.amend(field, amend)
		}
	}
	return false
}

func (d *document) amend(field string, amend func(*specs.Spec)) bool {
	d.amended = append(d.amended, amend)
	d.gone = append(d.gone, field)
	return true
}

// remove notes that an element is taken out, whose array is named and counted as the
// document is now.
func (d *document) remove(e element) {
	full := d.originalField(e.array + "[" + strconv.Itoa(e.index) + "]")
	open := strings.LastIndexByte(full, '[')
	index, _ := strconv.Atoi(full[open+1 : len(full)-1])
	d.removed = append(d.removed, element{full[:open], index})
	slices.SortFunc(d.removed, func(a, b element) int { return a.index - b.index })
}

// required returns what stands in for a field without which there is no plan; nil for
// other fields.
func required(field string) func(*specs.Spec) {
	switch field {
	case "process":
		return func(s *specs.Spec) { s.Process = &specs.Process{Args: []string{"/"}, Cwd: "/"} }
	case "process.args":
		return func(s *specs.Spec) { s.Process.Args = []string{"/"} }
	case "process.cwd":
		return func(s *specs.Spec) { s.Process.Cwd = "/" }
	case "root":
		return func(s *specs.Spec) { s.Root = &specs.Root{Path: "rootfs"} }
	case "root.path":
		return func(s *specs.Spec) { s.Root.Path = "rootfs" }
	case "linux":
		return func(s *specs.Spec) {
			s.Linux = &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}}}
		}
	}
	return nil
}

// absent returns what stands in for a field that another one requires, and that is not
// there.
func absent(field string) func(*specs.Spec) {
	everyID := []specs.LinuxIDMapping{{Size: 1<<32 - 1}}
	switch field {
	case "linux.uidMappings":
		return func(s *specs.Spec) { s.Linux.UIDMappings = everyID }
	case "linux.gidMappings":
		return func(s *specs.Spec) { s.Linux.GIDMappings = everyID }
	}
	return nil
}

// whole reports whether a part holds too much to be left out for one mistake.
func whole(field string) bool {
	return slices.Contains([]string{"process", "linux", "linux.namespaces", "linux.resources", "root", "hooks", "annotations"}, field)
}

// parentOf is the object or array element that has a field, or the array that has an
// element.
func parentOf(field string) string { return field[:max(strings.LastIndexAny(field, ".["), 0)] }
