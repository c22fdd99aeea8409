package docs

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	attackID = regexp.MustCompile(`\b(CVE-\d{4}-\d+|GHSA(?:-[a-z0-9]{4}){3}|[HML]\d+)\b`)
	batsTest = regexp.MustCompile(`(?m)^@test "(.*)" \{$`)
	batsOpen = regexp.MustCompile(`\bopen ([HML]\d+) `)
)

// named gives the ids that names of tests begin with, and for each the suites
// that have such a test; and which ids a suite marks as open.
func named(t *testing.T) (suites map[string][]string, open map[string]bool) {
	t.Helper()
	suites, open = map[string][]string{}, map[string]bool{}
	var files []string
	for _, pattern := range []string{"../tests/suites/*.bats", "../tests/attacks/*.bats", "../tests/vm/*.bats"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, suite := read(t, file), strings.TrimPrefix(filepath.ToSlash(file), "../")
		for _, test := range batsTest.FindAllStringSubmatch(text, -1) {
			ids, _, _ := strings.Cut(test[1], ": ")
			for _, id := range attackID.FindAllString(ids, -1) {
				if !slices.Contains(suites[id], suite) {
					suites[id] = append(suites[id], suite)
				}
			}
		}
		for _, mark := range batsOpen.FindAllStringSubmatch(text, -1) {
			open[mark[1]] = true
		}
	}
	return suites, open
}

// table gives the rows below a heading of attacks.md, each split into columns.
func table(t *testing.T, heading string, columns int) [][]string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "attacks.md"), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("attacks.md has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var out [][]string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| id ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != columns || slices.Contains(cells, "") {
			t.Errorf("attacks.md: %d columns, want %d, none empty: %s", len(cells), columns, line)
			continue
		}
		out = append(out, cells)
	}
	return out
}

// TestAttacks compares attacks.md with the suites, both ways.
func TestAttacks(t *testing.T) {
	suites, open := named(t)
	listed := map[string]bool{}
	published := table(t, "Published", 7)
	for _, row := range published {
		for _, outcome := range row[5:] {
			if !slices.Contains([]string{"blocked", "succeeds", "-"}, outcome) {
				t.Errorf("attacks.md: %s: %q is no outcome", row[0], outcome)
			}
		}
	}
	for _, row := range append(published, table(t, "Found in crun-go", 5)...) {
		for id := range strings.SplitSeq(row[0], ", ") {
			if attackID.FindString(id) != id || listed[id] {
				t.Errorf("attacks.md: %q is not an id, or is listed twice", id)
			}
			listed[id] = true
			told := strings.Split(row[3], ", ")
			for _, suite := range told {
				if !slices.Contains(suites[id], suite) {
					t.Errorf("attacks.md: %s: %s has no test of that name", id, suite)
				}
			}
			for _, suite := range suites[id] {
				if !slices.Contains(told, suite) {
					t.Errorf("attacks.md: %s: its test in %s is missing", id, suite)
				}
			}
			if open[id] != (row[2] == "open") {
				t.Errorf("attacks.md: %s has the defence %q, marked as open in its suite: %t", id, row[2], open[id])
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(suites)) {
		if !listed[id] {
			t.Errorf("attacks.md: %s is missing, see %s", id, suites[id])
		}
	}
	if len(listed) < 40 {
		t.Errorf("only %d ids are listed", len(listed))
	}
}

// TestSecurity holds SECURITY.md to attacks.md and to the suites that it names.
func TestSecurity(t *testing.T) {
	text := read(t, "../SECURITY.md")
	suites, _ := named(t)
	told := attackID.FindAllString(text, -1)
	for _, id := range told {
		if len(suites[id]) == 0 {
			t.Errorf("SECURITY.md: %s has no test", id)
		}
	}
	for _, row := range table(t, "Published", 7) {
		for id := range strings.SplitSeq(row[0], ", ") {
			if !slices.Contains(told, id) {
				t.Errorf("SECURITY.md: %s is in no class", id)
			}
		}
	}
	for _, file := range regexp.MustCompile(`tests/[a-z/-]+\.bats`).FindAllString(text+read(t, "attacks.md"), -1) {
		read(t, filepath.Join("..", file))
	}
}
