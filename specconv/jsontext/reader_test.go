package jsontext

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// A thing has one field of every kind the package reads.
type thing struct {
	Text   string            `json:"text"`
	Bool   bool              `json:"bool"`
	Int    int64             `json:"int"`
	Small  int32             `json:"small"`
	Uint   uint64            `json:"uint"`
	Short  uint16            `json:"short"`
	Next   *thing            `json:"next"`
	Things []thing           `json:"things"`
	Texts  []string          `json:"texts"`
	Map    map[string]uint32 `json:"map"`
}

func readThing(r *Reader, v *thing) {
	for key := range r.Fields() {
		switch key {
		case "text":
			Text(r, &v.Text)
		case "bool":
			Bool(r, &v.Bool)
		case "int":
			Int(r, &v.Int)
		case "small":
			Int(r, &v.Small)
		case "uint":
			Uint(r, &v.Uint)
		case "short":
			Uint(r, &v.Short)
		case "next":
			Pointer(r, &v.Next, readThing)
		case "things":
			List(r, &v.Things, "objects", readThing)
		case "texts":
			Texts(r, &v.Texts)
		case "map":
			Map(r, &v.Map, Uint)
		}
	}
}

// These read as encoding/json reads them.
func TestDecode(t *testing.T) {
	for _, doc := range []string{
		"{}", " \t\r\n{ \t\r\n} \t\r\n",
		`{"text": "a", "bool": true, "int": -5, "uint": 5}`,
		`{"bool": false, "next": {"next": {"text": "deep"}}}`,
		`{"text": null, "bool": null, "int": null, "uint": null, "next": null, "things": null, "texts": null, "map": null}`,
		`{"things": [], "texts": [], "map": {}}`,
		`{"things": [{}, null, {"int": 1}], "texts": ["a", null, ""], "map": {"a": 1, "": 2, "b": null}}`,
		`{"texts": ["a]", "b,c", "d\"e"]}`,
		`{"int": 9223372036854775807, "uint": 18446744073709551615, "small": -2147483648, "short": 65535}`,
		`{"int": -9223372036854775808, "small": 2147483647}`,
		`{"int": -0, "uint": 0}`,
		`{"other": [1, -2.5, 3e4, 5E-6, 0.7e+8, "x", true, false, null, {}, [], {"a": {"b": [[]]}}], "int": 1}`,
		`{"text": "\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00"}`,
		`{"text": "\ud800"}`, `{"text": "\udc00\ud800"}`, `{"text": "\ud800\u0041"}`, `{"text": "\ud800\ud83d\ude00"}`,
		"{\"text\": \"a\xffb\xc3\"}", "{\"text\": \"\\n\xe2\x80\"}", "{\"text\": \"\xed\xa0\x80\"}", "{\"text\": \"\x7f\u2028é\"}",
		`{"te\u0078t": "escaped key"}`,
	} {
		var want thing
		if err := json.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		got, err := Decode("", []byte(doc), readThing)
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		} else if !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: read %+v, want %+v", doc, *got, want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{`{`, `f:1:2: expected ',' or '}', found the end of the input`},
		{`{"a`, `f:1:2: string is not closed`},
		{`{"text": "a`, `f:1:10: text: string is not closed`},
		{"{\"text\": \"a\n\"}", `f:1:10: text: string is not closed before the end of the line`},
		{"{\"text\": \"\\n\n\"}", `f:1:10: text: string is not closed before the end of the line`},
		{"{\"text\": \"a\tb\"}", `f:1:12: text: control character 0x09 in a string: write it as \u0009`},
		{`{"text": "a\x"}`, `f:1:12: text: invalid escape in a string`},
		{`{"text": "\u12g4"}`, `f:1:11: text: invalid escape in a string`},
		{`{"text": "\`, `f:1:11: text: invalid escape in a string`},
		{`{"text": "\n`, `f:1:10: text: string is not closed`},
		{"{\"text\": \xff}", `f:1:10: text: expected a string, found byte 0xff`},
		{`{"text": é}`, `f:1:10: text: expected a string, found 'é'`},
		{"{\"text\": \x00}", `f:1:10: text: expected a string, found '\x00'`},
		{`{"int": -}`, `f:1:10: int: expected a digit, found '}'`},
		{`{"int": 1.}`, `f:1:11: int: expected a digit, found '}'`},
		{`{"int": 1e+}`, `f:1:12: int: expected a digit, found '}'`},
		{`{"int": +1}`, `f:1:9: int: expected a whole number, found '+'`},
		{`{"int": 012}`, `f:1:10: expected ',' or '}', found a number`},
		{`{"int": 1_000}`, `f:1:10: expected ',' or '}', found '_'`},
		{`{"uint": -0}`, `f:1:10: uint: expected a whole number from 0 to 18446744073709551615, found -0`},
		{`{"short": 1` + strings.Repeat("0", 50) + `}`,
			`f:1:11: short: expected a whole number from 0 to 65535, found 1` + strings.Repeat("0", 39) + `...`},
		{`{"bool": 1}`, `f:1:10: bool: expected a boolean, found a number`},
		{`{"bool": truth}`, `f:1:10: bool: expected a boolean, found 't'`},
		{`{"bool": truer}`, `f:1:14: expected ',' or '}', found 'r'`},
		{`{"map": {"a b": -1}}`, `f:1:17: map["a b"]: expected a whole number from 0 to 4294967295, found -1`},
		{`{"map": {"": "1"}}`, `f:1:14: map[""]: expected a whole number, found a string`},
		{`{"things": [{}, {"next": {"int": ""}}]}`, `f:1:34: things[1].next.int: expected a whole number, found a string`},
		{`{"things": {}}`, `f:1:12: things: expected an array of objects, found an object`},
		{`{"other": [1, [2, }]]}`, `f:1:19: other[1][1]: expected a value, found '}'`},
		{`{} {}`, `f:1:4: expected the end of the input, found an object`},
		{"{\"other\": {\r\n  \"x\":\r\n\r\n   ?}}", `f:4:4: other.x: expected a value, found '?'`},
	} {
		_, err := Decode("f", []byte(tt.doc), readThing)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q\n got %v\nwant %s", tt.doc, err, tt.want)
		}
	}
}

func TestErrorParts(t *testing.T) {
	_, err := Decode("", []byte("{\n \"int\": []}"), readThing)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T", err)
	}
	if want := (Error{Line: 2, Column: 9, Path: "int", Msg: "expected a whole number, found an array"}); *e != want {
		t.Errorf("got %+v, want %+v", *e, want)
	}
	if got, want := err.Error(), "2:9: int: expected a whole number, found an array"; got != want {
		t.Errorf("without a file name: got %s, want %s", got, want)
	}
}

// What other languages have and JSON has not is named.
func TestErrorHint(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1,}`:               "no comma after the last entry",
		`{"a": [1, 2, ]}`:         "no comma after the last entry",
		"{ // first\n\"a\": 1}":   "no comments",
		`{"a": 1, # last` + "\n}": "no comments",
		`{'a': 1}`:                "double quotes",
		"{\u201ca\u201d: 1}":      "double quotes",
		`{"a": 1 "b": 2}`:         "comma may be missing",
		`{"a" 1}`:                 "",
		`{"a": ]}`:                "",
		`{"a": 1`:                 "",
		``:                        "",
	} {
		r := NewReader("x.json", []byte(text))
		r.Skip()
		var e *Error
		if err := r.Close(); !errors.As(err, &e) || !strings.Contains(e.Hint, want) || (e.Hint == "") != (want == "") {
			t.Errorf("%s: %v, hint %q, want %q", text, err, e.Hint, want)
		}
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(`{"other":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`)
	}
	if _, err := Decode("f", nested(maxDepth), readThing); err != nil {
		t.Error(err)
	}
	_, err := Decode("f", nested(maxDepth+1), readThing)
	if err == nil || !strings.HasSuffix(err.Error(), ": nested deeper than 200 levels") {
		t.Errorf("one level more: got %v", err)
	}
	if _, err = Decode("f", []byte(`{"other":`+strings.Repeat(`{"a":[`, 1e6)), readThing); err == nil {
		t.Error("a million open brackets accepted")
	}
}

// A string without escapes is part of the one copy of the document: lists of strings cost the list.
func TestStringsAreNotCopied(t *testing.T) {
	doc := []byte(`{"texts": [` + strings.Repeat(`"/some/path/or/other", `, 99) + `"last"]}`)
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := Decode("", doc, readThing); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 6 {
		t.Errorf("%v allocations for a list of 100 strings", allocs)
	}
}

// Whatever is skipped was valid JSON, and valid JSON is skipped.
func FuzzSkip(f *testing.F) {
	for _, doc := range []string{`{"a": [1, -2.5e3, "\u00e9\n", {"b": null}], "c": true}`, `[[], {}, "", 0]`, `"\ud800"`, `-0.0E+1`, `[1,]`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader("", data)
		r.Skip()
		err := r.Close()
		if valid := json.Valid(data); valid != (err == nil) && (err == nil || !strings.Contains(err.Error(), "nested deeper")) {
			t.Fatalf("valid is %v, got %v", valid, err)
		}
	})
}

func TestFloat(t *testing.T) {
	for text, want := range map[string]string{"12.5": "", "-3e2": "", "0": "", "null": "", `"1"`: "expected a number", "1e999": "expected a number below"} {
		r := NewReader("f", []byte(text))
		f, ok := r.Float()
		err := r.Close()
		switch {
		case want == "" && (err != nil || ok == (text == "null")):
			t.Errorf("%s: %v, %v, %v", text, f, ok, err)
		case want != "" && (err == nil || ok || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		case text == "12.5" && f != 12.5:
			t.Errorf("%s: %v", text, f)
		}
	}
}
