package ocijson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// FuzzSpec holds the decoder against encoding/json, beyond the differences that package jsontext documents: both accept
// the same documents and make the same of them. Only the sections of other systems are checked by encoding/json alone.
func FuzzSpec(f *testing.F) {
	eachBundle(f, func(_ string, data []byte) {
		if len(data) < 5000 { // the fuzzer spends its time shrinking larger ones
			f.Add(data)
		}
	})
	for _, doc := range []string{
		`{"ociVersion":"\ud83d\ude00\ud800x","hostname":"a\/\b\f\n\r\t","root":{"path":"` + "\xff\u2028" + `"}}`,
		`{"linux":{"netDevices":{"a":{"name":"b"}},"timeOffsets":{"monotonic":{"secs":-1,"nanosecs":-0}}}}`,
		`{"linux":{"resources":{"rdma":{"a":{"hcaHandles":3}},"network":{"priorities":[{"name":"e","priority":1}]}}}}`,
		`{"process":{"consoleSize":{"height":1,"width":2e0},"user":{"umask":18,"additionalGids":[1,null]}}} `,
		`{"linux":{"seccomp":{"defaultErrnoRet":1,"syscalls":[{"names":["a"],"args":[{"index":0,"value":1,"op":"o"}]}]}}}`,
		`{"linux":{"resources":{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":10}]},"unified":{"a.b":"c"}}}}`,
		`{"hooks":{"prestart":[{"path":"/h","args":[],"timeout":-1}]},"mounts":[{"uidMappings":[{"size":1}]}]}`,
	} {
		f.Add([]byte(doc))
	}
	known := names(reflect.TypeFor[specs.Spec](), map[string]bool{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Spec("c.json", data)
		if err != nil {
			checkError(t, err, data)
		}
		want := new(specs.Spec)
		wantErr := json.Unmarshal(data, want)
		if wantErr != nil {
			if err == nil && !json.Valid(data) {
				t.Fatalf("accepted what is not JSON: %v", wantErr)
			}
			return
		}
		if differs(data, known) {
			return
		}
		if err != nil {
			t.Fatalf("refused what encoding/json accepts: %v", err)
		}
		dropOtherSystems(want)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("decoded\n%s\nwant\n%s", dump(got), dump(want))
		}
	})
}

// checkError checks that an error points into the document.
func checkError(t *testing.T, err error, data []byte) {
	t.Helper()
	var e *jsontext.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is a %T: %v", err, err)
	}
	lines := bytes.Split(data, []byte("\n"))
	if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len(lines[e.Line-1])+1 {
		t.Fatalf("%v: no such place", err)
	}
}

// differs reports whether the document shows one of the documented differences: a repeated key, in whatever case, deep
// nesting, or null.
func differs(data []byte, known map[string]bool) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	type level struct {
		keys  map[string]bool // of an object
		value bool            // a value is next
	}
	levels := []level{{}}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			return true
		}
		top := &levels[len(levels)-1]
		if key, ok := token.(string); ok && top.keys != nil && !top.value {
			if key = knownAs(key, known); top.keys[key] {
				return true
			}
			top.keys[key] = true
			top.value = true
			continue
		}
		switch token {
		case json.Delim('{'):
			top.value = false
			levels = append(levels, level{keys: map[string]bool{}})
		case json.Delim('['):
			top.value = false
			levels = append(levels, level{})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		case nil:
			if len(levels) == 1 {
				return true
			}
			fallthrough
		default:
			top.value = false
		}
		if len(levels) > 200 {
			return true
		}
	}
}

func knownAs(key string, known map[string]bool) string {
	for name := range known {
		if strings.EqualFold(key, name) {
			return name
		}
	}
	return key
}

// names collects the keys of a type and of all types in it.
func names(t reflect.Type, into map[string]bool) map[string]bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return names(t.Elem(), into)
	case reflect.Struct:
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if name != "" {
				into[name] = true
			}
			names(t.Field(i).Type, into)
		}
	}
	return into
}
