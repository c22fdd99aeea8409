package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "f.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestValidate: each keyword accepts what it should, and refuses the rest.
func TestValidate(t *testing.T) {
	for _, test := range []struct{ schema, doc, err string }{
		{`{"type":"string"}`, `"x"`, ""},
		{`{"type":"string"}`, `"x" "y"`, ""},
		{`{"type":"string"}`, `"x" 1`, "document 1"},
		{`{"type":"string"}`, ``, "EOF"},
		{`{"type":["array","null"],"items":{"type":"integer"}}`, `null`, ""},
		{`{"type":["array","null"],"items":{"type":"integer"}}`, `[1,2]`, ""},
		{`{"type":["array","null"],"items":{"type":"integer"}}`, `[1,2.5]`, `at "/1"`},
		{`{"type":"integer"}`, `18446744073709551615`, ""},
		{`{"type":"boolean"}`, `0`, "is not of type boolean"},
		{`{"type":"integer","minimum":0,"maximum":255}`, `-1`, "below"},
		{`{"type":"integer","minimum":0,"maximum":255}`, `256`, "above"},
		{`{"const":"X"}`, `"Y"`, "is not X"},
		{`{"enum":["a","b"]}`, `"c"`, "not one of"},
		{`{"type":"string","pattern":"^E"}`, `"X"`, "does not match"},
		{`{"type":"object","properties":{"a":{"type":"null"}}}`, `{"a":null}`, ""},
		{`{"type":"object","properties":{"a":{"type":"null"}}}`, `{"b":null}`, `does not name "b"`},
		{`{"type":"object","required":["a"],"properties":{"a":{"type":"null"}}}`, `{}`, `lacks "a"`},
		{`{"type":"object","additionalProperties":{"type":"integer"}}`, `{"b":"x"}`, `at "/b"`},
		{`{"type":"object","additionalProperties":true}`, `{"b":{"c":1}}`, ""},
		{`{"items":{"type":"null"},"minItems":1,"maxItems":2}`, `[null,null]`, ""},
		{`{"items":{"type":"null"},"minItems":1,"maxItems":2}`, `[]`, "0 items"},
		{`{"items":{"type":"null"},"minItems":1,"maxItems":2}`, `[null,null,null]`, "3 items"},
		{`{"type":"array"}`, `[1]`, "does not describe an array"},
		{`{"oneOf":[{"type":"string"},{"$ref":"#/$defs/n"}],"$defs":{"n":{"type":"integer"}}}`, `1`, ""},
		{`{"oneOf":[{"type":"string"},{"$ref":"#/$defs/n"}],"$defs":{"n":{"type":"integer"}}}`, `true`, "0 of 2 alternatives"},
		{`{"oneOf":[{"type":"number"},{"type":"integer"}]}`, `1`, "2 of 2 alternatives"},
		{`{"properties":{"a":{"$ref":"#/$defs/n"}},"$defs":{}}`, `{"a":1}`, "does not define"},
		{`{"items":{"minLength":1}}`, `[]`, `unsupported keyword "minLength"`},
	} {
		s, err := load(write(t, test.schema))
		if err == nil {
			err = s.validateFile(write(t, test.doc))
		}
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%s refuses %s: %v", test.schema, test.doc, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s, %s: %v, want %q", test.schema, test.doc, err, test.err)
		}
	}
}

// TestSchemas: every schema can be read, describes itself, and is named in docs/errors.md.
func TestSchemas(t *testing.T) {
	files, _ := filepath.Glob("../../docs/schema/*.json")
	if len(files) < 10 {
		t.Fatalf("only %d schemas", len(files))
	}
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		s, err := load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.root["title"] == nil {
			t.Errorf("%s has no title", file)
		}
		if !strings.Contains(string(page), "](schema/"+filepath.Base(file)+")") {
			t.Errorf("docs/errors.md does not link to %s", file)
		}
	}
}
