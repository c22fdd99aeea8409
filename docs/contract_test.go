package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// section returns the rows of the table below a heading of contract.md, each split into its columns.
func section(t *testing.T, doc, heading string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut(doc, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("contract.md has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var table [][]string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") {
			table = append(table, strings.Split(strings.Trim(line, "| \n"), " | "))
		}
	}
	if len(table) < 5 {
		t.Fatalf("contract.md: %d rows in %q", len(table), heading)
	}
	return table[1:]
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestContract holds contract.md to the golden files: who calls what, what is searched for, and the tests there are.
func TestContract(t *testing.T) {
	doc := read(t, "contract.md")
	word := regexp.MustCompile("`([^`]+)`")
	said := map[string]string{}
	for _, row := range section(t, doc, "Calls") {
		said[row[0]] = row[1]
	}
	command := regexp.MustCompile(`\bNAME (?:.* )?(create|start|exec|pause|resume|update|kill|delete|state|list|run|events|restore|ps|features|checkpoint)\b`)
	called := map[string]string{}
	for line := range strings.Lines(read(t, "../tests/golden/calls.tsv")) {
		columns := strings.Split(line, "\t")
		found := command.FindStringSubmatch(strings.Split(line+"\t\t\t", "\t")[2])
		if strings.HasPrefix(line, "#") || found == nil {
			continue
		}
		called[columns[0]] += " " + found[1]
		if engine := said[columns[0]]; !strings.Contains(engine, "`"+found[1]) && !(columns[0] == "nocgroups" && found[1] == "delete") {
			t.Errorf("calls.tsv: %s calls %s, contract.md does not say so: %q", columns[0], found[1], engine)
		}
	}
	for engine, text := range said {
		for _, found := range word.FindAllStringSubmatch(text, -1) {
			if name := strings.Fields(found[1])[0]; !strings.HasPrefix(name, "-") && !strings.Contains(called[engine]+" ", " "+name+" ") {
				t.Errorf("contract.md: %s calls %s, calls.tsv does not", engine, name)
			}
		}
	}
	answers := read(t, "../tests/golden/contract.tsv") + read(t, "../tests/golden/create-errors.tsv")
	for _, row := range section(t, doc, "Texts") {
		if text := strings.Trim(row[0], "`"); !strings.Contains(answers, text) {
			t.Errorf("contract.md: %q is in no golden file", text)
		}
	}
	for _, row := range section(t, doc, "Tests") {
		for _, found := range word.FindAllStringSubmatch(row[0]+row[1], -1) {
			checkNamed(t, found[1])
		}
	}
}

// checkNamed insists that a test, a target or a golden file is there.
func checkNamed(t *testing.T, name string) {
	t.Helper()
	target, isTarget := strings.CutPrefix(name, "make ")
	switch {
	case isTarget:
		if !strings.Contains(read(t, "../Makefile"), "\n"+target+":") {
			t.Errorf("contract.md: there is no make %s", target)
		}
	case strings.HasSuffix(name, ".tsv"):
		read(t, "../tests/golden/"+name)
	case strings.HasSuffix(name, ".bats"):
		read(t, "../"+name)
	}
}
