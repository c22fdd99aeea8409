package jsontext

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"
)

func TestAppendString(t *testing.T) {
	for _, s := range []string{
		"", "plain", `quote " backslash \ slash /`, "\x00\x01\b\t\n\v\f\r\x1f\x7f", "<a href='x'>&amp;</a>",
		"é € 😀", "\u2028\u2029\u2027", "bad \xff\xc3( \xe2\x80", "\ufffd is itself", "\xed\xa0\x80", "end\xc3",
	} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendString([]byte("x"), s)); got != "x"+string(want) {
			t.Errorf("%q: got %s, want x%s", s, got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a<\xff\u2028\n")
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got := AppendString(nil, s)
		if !bytes.Equal(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
		r := NewReader("", got)
		back, ok := r.Text()
		if err := r.Close(); err != nil || !ok || back != string([]rune(s)) {
			t.Fatalf("%s read back as %q, %v", got, back, err)
		}
	})
}

// The answer to `state`: the layout engines parse, in the order they have always seen.
func TestWriterState(t *testing.T) {
	w := NewWriter("  ")
	w.Object()
	w.Key("ociVersion").Text("1.3.0")
	w.Key("pid").Int(4242)
	w.Key("annotations").TextMap(map[string]string{"z": "a/b<c>", "com.example.key": "value"})
	w.Key("mounts").Array()
	w.Object()
	w.Key("flags").Uint(14)
	w.End()
	w.Object()
	w.End()
	w.End()
	w.Key("paths").Texts([]string{"/a", "/b"})
	w.Key("none").Texts(nil)
	w.Key("root").Bool(false)
	w.Key("rdt").Null()
	w.End()
	const want = `{
  "ociVersion": "1.3.0",
  "pid": 4242,
  "annotations": {
    "com.example.key": "value",
    "z": "a/b\u003cc\u003e"
  },
  "mounts": [
    {
      "flags": 14
    },
    {}
  ],
  "paths": [
    "/a",
    "/b"
  ],
  "none": [],
  "root": false,
  "rdt": null
}`
	if got := string(w.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Any value comes out in encoding/json's own layout, on one line or indented.
func TestWriterLayout(t *testing.T) {
	for _, doc := range []string{
		`{}`, `[]`, `""`, `null`, `true`, `-1.5`, `[[],{},[[]],{"a":{}}]`, `{"a":[],"b":{},"c":[{}],"d":{"e":null}}`,
		`[1,"x",{"k":[true,false]},[2,[3]]]`, `[4300,4301]`,
	} {
		var v any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatal(err)
		}
		for _, indent := range []string{"", "  ", "    ", "\t"} {
			w := NewWriter(indent)
			writeAny(t, w, v)
			want := []byte(doc)
			if indent != "" {
				var err error
				if want, err = json.MarshalIndent(v, "", indent); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(w.Bytes(), want) {
				t.Errorf("indent %q: got\n%s\nwant\n%s", indent, w.Bytes(), want)
			}
		}
	}
}

func writeAny(t *testing.T, w *Writer, v any) {
	switch v := v.(type) {
	case nil:
		w.Null()
	case bool:
		w.Bool(v)
	case float64:
		w.Float(v)
	case string:
		w.Text(v)
	case []any:
		w.Array()
		for _, elem := range v {
			writeAny(t, w, elem)
		}
		w.End()
	case map[string]any:
		w.Object()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			writeAny(t, w.Key(key), v[key])
		}
		w.End()
	default:
		t.Fatalf("cannot write a %T", v)
	}
}

func TestWriterFloat(t *testing.T) {
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, -1.5, 0.07, 99.99, 1e20, 1e21, 123456789e20, 1e-6, 9.9e-7, 1e-10, -1e-9, 1e300,
		math.MaxFloat64, math.SmallestNonzeroFloat64,
	} {
		want, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWriter("")
		w.Float(f)
		if got := string(w.Bytes()); got != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		w := NewWriter("")
		w.Float(f)
		if got := string(w.Bytes()); got != "null" {
			t.Errorf("%v: got %s, want null", f, got)
		}
	}
}
