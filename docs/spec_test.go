// Package docs holds the documents to the code that they speak of.
package docs

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// A row is one line of spec.md's tables.
type row struct {
	line      int
	fields    []string // with braces resolved
	treatment string
	test      string // "FILE: NAME"
}

// TestSpecTable compares spec.md with the specification's types, and its tests
// with those there are.
func TestSpecTable(t *testing.T) {
	text, err := os.ReadFile("spec.md")
	if err != nil {
		t.Fatal(err)
	}
	var known, foreign []string
	walk("", reflect.TypeFor[specs.Spec](), &known, &foreign)
	listed := map[string]int{}
	for _, r := range rows(t, string(text)) {
		for _, field := range r.fields {
			if !slices.Contains(known, field) {
				t.Errorf("spec.md:%d: the specification has no field %s", r.line, field)
			}
			if before := listed[field]; before != 0 {
				t.Errorf("spec.md:%d: %s is in line %d already", r.line, field, before)
			}
			listed[field] = r.line
		}
		if len(strings.Fields(r.treatment)) == 0 {
			t.Errorf("spec.md:%d: says nothing", r.line)
		}
		checkTest(t, r)
	}
	for _, field := range known {
		if listed[field] == 0 {
			t.Errorf("spec.md: %s is missing", field)
		}
	}
	// Other systems' are named before the tables, all in one paragraph.
	intro, _, _ := strings.Cut(string(text), "\n## ")
	for _, field := range foreign {
		if !strings.Contains(intro, "`"+field+"`") {
			t.Errorf("spec.md: %s, of another system, is missing", field)
		}
	}
	if len(known) < 150 {
		t.Errorf("only %d fields were found in the types", len(known))
	}
}

// walk lists the fields of a type by their JSON names: those for Linux, and
// apart from them those of other systems.
func walk(path string, of reflect.Type, linux, foreign *[]string) {
	switch of.Kind() {
	case reflect.Pointer:
		walk(path, of.Elem(), linux, foreign)
	case reflect.Slice:
		walk(path+"[]", of.Elem(), linux, foreign)
	case reflect.Map:
		walk(path+".*", of.Elem(), linux, foreign)
	case reflect.Struct:
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			below := strings.TrimPrefix(path+"."+name, ".")
			if f.Anonymous && name == "" { // its fields are ours
				below = path
			}
			if systems := f.Tag.Get("platform"); systems != "" && !slices.Contains(strings.Split(systems, ","), "linux") {
				*foreign = append(*foreign, below)
				continue
			}
			walk(below, f.Type, linux, foreign)
		}
	default:
		*linux = append(*linux, path)
	}
}

func rows(t *testing.T, text string) []row {
	t.Helper()
	var found []row
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if len(cells) != 3 {
			t.Errorf("spec.md:%d: %d columns, want 3", i+1, len(cells))
			continue
		}
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		found = append(found, row{i + 1, expand(strings.Trim(cells[0], "`")), cells[1], cells[2]})
	}
	return found
}

// expand resolves {a,b}, as a shell does.
func expand(word string) []string {
	open := strings.IndexByte(word, '{')
	if open < 0 {
		return []string{word}
	}
	end := open + strings.IndexByte(word[open:], '}')
	var out []string
	for _, rest := range expand(word[end+1:]) {
		for _, choice := range strings.Split(word[open+1:end], ",") {
			out = append(out, word[:open]+choice+rest)
		}
	}
	return out
}

// checkTest checks that a test exists and speaks of its fields: it, or what the
// suite's helpers do for it, contains the last name of each.
func checkTest(t *testing.T, r row) {
	t.Helper()
	file, name, found := strings.Cut(r.test, ": ")
	if !found {
		t.Errorf("spec.md:%d: %q is no FILE: NAME", r.line, r.test)
		return
	}
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Errorf("spec.md:%d: %v", r.line, err)
		return
	}
	body := testBody(string(text), file, name)
	if body == "" {
		t.Errorf("spec.md:%d: %s has no test %q", r.line, file, name)
		return
	}
	for _, field := range r.fields {
		names := regexp.MustCompile(`[A-Za-z0-9]+`).FindAllString(field, -1)
		if last := names[len(names)-1]; !strings.Contains(strings.ToLower(body), strings.ToLower(last)) {
			t.Errorf("spec.md:%d: %s: %s does not speak of %s", r.line, file, name, field)
		}
	}
}

// testBody cuts out one test. Of a bats suite it adds what stands before the
// first test, where configurations are made.
func testBody(text, file, name string) string {
	begin, end := "\nfunc "+name+"(t *testing.T)", "\n}\n"
	shared := ""
	if strings.HasSuffix(file, ".bats") {
		begin = "\n@test \"" + name + "\" {"
		shared, _, _ = strings.Cut(text, "\n@test ")
		end = "\n@test "
	}
	_, rest, found := strings.Cut(text, begin)
	if !found {
		return ""
	}
	body, _, _ := strings.Cut(rest, end)
	return shared + body
}

func TestExpand(t *testing.T) {
	for word, want := range map[string]string{"a": "a", "{a,b}c": "ac bc", "x.{a,b}[].{c,d}": "x.a[].c x.b[].c x.a[].d x.b[].d"} {
		if got := strings.Join(expand(word), " "); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}
