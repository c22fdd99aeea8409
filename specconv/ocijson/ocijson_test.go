package ocijson

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The oracle: whatever engines really write decodes as encoding/json decodes it.
func TestBundles(t *testing.T) {
	seen := 0
	eachBundle(t, func(name string, data []byte) {
		seen++
		var got, want any
		var err error
		switch kind(name) {
		case "process":
			want = new(specs.Process)
			got, err = Process(name, data)
		case "resources":
			want = new(specs.LinuxResources)
			got, err = Resources(name, data)
		default:
			want = new(specs.Spec)
			got, err = Spec(name, data)
		}
		if err != nil {
			t.Error(err)
			return
		}
		if err := json.Unmarshal(data, want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded\n%s\nwant\n%s", name, dump(got), dump(want))
		}
	})
	if seen < 50 {
		t.Errorf("found %d bundles only", seen)
	}
}

// A field that a new version of the specification's Go types brings fails here until it is decoded.
func TestEveryField(t *testing.T) {
	for _, want := range []any{new(specs.Spec), new(specs.Process), new(specs.LinuxResources)} {
		counter := 0
		fill(t, reflect.ValueOf(want).Elem(), &counter)
		dropOtherSystems(want)
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeAs(want, data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("decoded\n%s\nwant\n%s", dump(got), dump(want))
		}
	}
}

// Null is the absence of a value everywhere, and an empty list or map is not.
func TestNullAndEmpty(t *testing.T) {
	for _, doc := range []string{
		`{}`,
		`{"ociVersion":null,"process":null,"mounts":null,"annotations":null,"linux":null,"hooks":null}`,
		`{"process":{"terminal":null,"user":null,"args":null,"capabilities":null,"oomScoreAdj":null}}`,
		`{"process":{"user":{"uid":null,"umask":null,"additionalGids":[null,1]},"args":["a",null,"b"]}}`,
		`{"mounts":[],"annotations":{},"process":{"args":[],"env":[ ],"rlimits":[null]}}`,
		`{"linux":{"netDevices":{"eth0":null,"eth1":{}},"sysctl":{"a":null},"seccomp":{},"resources":{"cpu":{}}}}`,
		`{"linux":{"resources":{"memory":{"limit":0,"swap":-1,"disableOOMKiller":false}}}}`,
	} {
		var want specs.Spec
		if err := json.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatal(err)
		}
		got, err := Spec("", []byte(doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		} else if !reflect.DeepEqual(got, &want) {
			t.Errorf("%s: decoded\n%s\nwant\n%s", doc, dump(got), dump(&want))
		}
	}
}

// Of equal keys the last wins; objects and maps are merged, lists replaced.
func TestRepeatedKeys(t *testing.T) {
	got, err := Spec("", []byte(`{
		"hostname": "a", "hostname": "b", "hostname": null,
		"process": {"cwd": "/", "args": ["x", "y"], "oomScoreAdj": 1}, "process": {"args": ["z"], "oomScoreAdj": null},
		"mounts": [{"type": "bind", "destination": "/a"}], "mounts": [{"destination": "/b"}],
		"annotations": {"k": "1", "l": "1"}, "annotations": {"k": "2"},
		"root": {"path": "r"}, "root": null
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.Spec{
		Hostname:    "b",
		Process:     &specs.Process{Cwd: "/", Args: []string{"z"}},
		Mounts:      []specs.Mount{{Destination: "/b"}},
		Annotations: map[string]string{"k": "2", "l": "1"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded\n%s\nwant\n%s", dump(got), dump(want))
	}
}

// What is not known is skipped and told of, but not unread; keys match in any case; sections of other systems are not decoded.
func TestUnknownKeys(t *testing.T) {
	got, _, unknown, err := Config("", []byte(`{"x-new": {"a": [1, 2.5e3, "\u00e9", {"b": null}]}, "hostname": "no", "HostName": "yes",
		"root": {"readOnly": true, "Path": "r", "x": 1}, "process": {"hostname": "x"}, "mounts": [{"destination": "/", "y": {"z": 1}}],
		"windows": {"layerFolders": 7}, "solaris": [], "vm": {"kernel": {"path": 1}}, "zos": "z", "freebsd": {"jail": 0}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.Spec{
		Hostname: "yes", Root: &specs.Root{Path: "r", Readonly: true}, Process: new(specs.Process), Mounts: []specs.Mount{{Destination: "/"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %s, want %s", dump(got), dump(want))
	}
	if list := []string{`["x-new"]`, "root.x", "process.hostname", "mounts[0].y"}; !slices.Equal(unknown, list) {
		t.Errorf("unknown: %q, want %q", unknown, list)
	}
}

// TestKeys: the list has the specification's keys, no two of which differ in case only.
func TestKeys(t *testing.T) {
	known := map[string]bool{}
	for i := range reflect.TypeFor[specs.Spec]().NumField() {
		field := reflect.TypeFor[specs.Spec]().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !otherSystem(name) {
			known[name] = true
			names(field.Type, known)
		}
	}
	if got, want := strings.Fields(keys), slices.Sorted(maps.Keys(known)); !slices.Equal(got, want) {
		t.Errorf("keys are\n%q\nwant\n%q", got, want)
	}
	for name := range known {
		if got := spelling(strings.ToUpper(name)); got != name {
			t.Errorf("%s in capitals is read as %q", name, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{``, `c.json:1:1: expected an object, found the end of the input`},
		{`null`, `c.json:1:1: expected an object, found null`},
		{`[]`, `c.json:1:1: expected an object, found an array`},
		{`{"process":{"capabilities":["CAP_KILL"]}}`, `c.json:1:28: process.capabilities: expected an object, found an array: since version 1.0 there is one for each set, {"bounding": [...], "effective": [...], "permitted": [...]}`},
		{"\ufeff{}", `c.json:1:1: expected JSON, found a UTF-8 byte order mark`},
		{"{}\n}", `c.json:2:1: expected the end of the input, found '}'`},
		{"{\n  'a': 1}", `c.json:2:3: expected a key in quotes, found '\''`},
		{`{"a" 1}`, `c.json:1:6: expected ':', found a number`},
		{`{"a": 1 "b": 2}`, `c.json:1:9: expected ',' or '}', found a string`},
		{`{"a": 1,}`, `c.json:1:9: expected a key in quotes, found '}'`},
		{`{"a":`, `c.json:1:6: a: expected a value, found the end of the input`},
		{`{"a": nul}`, `c.json:1:7: a: expected a value, found 'n'`},
		{`{"ociVersion": 1}`, `c.json:1:16: ociVersion: expected a string, found a number`},
		{"{\"process\": {\n  \"args\": \"sh\"}}", `c.json:2:11: process.args: expected an array of strings, found a string`},
		{`{"process": {"args": ["sh", "-c", 3]}}`, `c.json:1:35: process.args[2]: expected a string, found a number`},
		{`{"process": {"args": ["a" "b"]}}`, `c.json:1:27: process.args: expected ',' or ']', found a string`},
		{`{"process": {"args": ["a",]}}`, `c.json:1:27: process.args[1]: expected a string, found ']'`},
		{`{"process": {"args": ["a"`, `c.json:1:26: process.args: expected ',' or ']', found the end of the input`},
		{`{"process": {"terminal": "yes"}}`, `c.json:1:26: process.terminal: expected a boolean, found a string`},
		{`{"process": {"user": {"uid": "0"}}}`, `c.json:1:30: process.user.uid: expected a whole number, found a string`},
		{`{"process": {"user": {"uid": -1}}}`,
			`c.json:1:30: process.user.uid: expected a whole number from 0 to 4294967295, found -1`},
		{`{"process": {"user": {"uid": 1e3}}}`,
			`c.json:1:30: process.user.uid: expected a whole number from 0 to 4294967295, found 1e3`},
		{`{"process": {"user": {"additionalGids": [1, 4294967296]}}}`,
			`c.json:1:45: process.user.additionalGids[1]: expected a whole number from 0 to 4294967295, found 4294967296`},
		{`{"process": {"scheduler": {"nice": 2147483648}}}`, `c.json:1:36: process.scheduler.nice: ` +
			`expected a whole number from -2147483648 to 2147483647, found 2147483648`},
		{`{"process": {"rlimits": [{"hard": 18446744073709551616}]}}`, `c.json:1:35: process.rlimits[0].hard: ` +
			`expected a whole number from 0 to 18446744073709551615, found 18446744073709551616`},
		{`{"linux": {"resources": {"memory": {"limit": 0.5}}}}`, `c.json:1:46: linux.resources.memory.limit: ` +
			`expected a whole number from -9223372036854775808 to 9223372036854775807, found 0.5`},
		{`{"linux": {"resources": {"blockIO": {"weight": 65536}}}}`, `c.json:1:48: linux.resources.blockIO.weight: ` +
			`expected a whole number from 0 to 65535, found 65536`},
		{`{"mounts": {}}`, `c.json:1:12: mounts: expected an array of objects, found an object`},
		{`{"mounts": [{"options": ["ro", {}]}]}`, `c.json:1:32: mounts[0].options[1]: expected a string, found an object`},
		{`{"mounts": ["/a"]}`, `c.json:1:13: mounts[0]: expected an object, found a string`},
		{`{"annotations": {"com.example/a": true}}`,
			`c.json:1:35: annotations["com.example/a"]: expected a string, found a boolean`},
		{`{"linux": {"sysctl": {"net.ipv4.ip_forward": 1}}}`,
			`c.json:1:46: linux.sysctl["net.ipv4.ip_forward"]: expected a string, found a number`},
		{`{"linux": {"seccomp": {"syscalls": [{"names": ["a"], "args": [{"index": true}]}]}}}`,
			`c.json:1:73: linux.seccomp.syscalls[0].args[0].index: expected a whole number, found a boolean`},
		{`{"windows": {"a": [01]}}`, `c.json:1:21: windows.a: expected ',' or ']', found a number`},
	} {
		got, err := Spec("c.json", []byte(tt.doc))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s\n got %v\nwant %s", tt.doc, err, tt.want)
		}
		if got != nil {
			t.Errorf("%s: a spec beside the error", tt.doc)
		}
	}
}

// fill sets every field reachable from v to a value of its own, two elements to every list and map.
func fill(t *testing.T, v reflect.Value, counter *int) {
	*counter++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(fmt.Sprint("text-", *counter))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(-*counter))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*counter))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), counter)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), counter)
		fill(t, v.Index(1), counter)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			elem := reflect.New(v.Type().Elem()).Elem()
			fill(t, elem, counter)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint("key-", *counter)), elem)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field, counter)
		}
	case reflect.Interface: // windows only
	default:
		t.Fatalf("cannot fill a %s", v.Type())
	}
}

func dropOtherSystems(v any) {
	if s, ok := v.(*specs.Spec); ok {
		s.Solaris, s.Windows, s.VM, s.ZOS, s.FreeBSD = nil, nil, nil, nil, nil
	}
}

// decodeAs decodes data as a value of like's type.
func decodeAs(like any, data []byte) (any, error) {
	switch like.(type) {
	case *specs.Process:
		return Process("", data)
	case *specs.LinuxResources:
		return Resources("", data)
	}
	return Spec("", data)
}

// kind returns what the file of a bundle holds: "process", "resources" or something that means a whole configuration.
func kind(name string) string {
	before, _, _ := strings.Cut(name, "-")
	return before
}

func eachBundle(tb testing.TB, f func(name string, data []byte)) {
	tb.Helper()
	const dir = "../testdata/bundles"
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		f(entry.Name(), data)
	}
}

func dump(v any) string {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func BenchmarkSpec(b *testing.B) {
	data, err := os.ReadFile("../testdata/bundles/docker-run.json")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ocijson", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Spec("", data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if err := json.Unmarshal(data, new(specs.Spec)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Mounts come as an array, or as a part of what could be a configuration.
func TestMounts(t *testing.T) {
	for _, text := range []string{
		`[{"destination": "/a", "options": ["ro"]}, {"destination": "/b", "more": 1}]`,
		"\n {\"mounts\": [{\"destination\": \"/a\", \"options\": [\"ro\"]}, {\"destination\": \"/b\"}], \"root\": {}}",
	} {
		got, err := Mounts("m.json", []byte(text))
		want := []specs.Mount{{Destination: "/a", Options: []string{"ro"}}, {Destination: "/b"}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if got, err := Mounts("m.json", []byte("[]")); err != nil || len(got) != 0 {
		t.Errorf("none: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"":                       "m.json:1:1",
		"5":                      "m.json:1:1",
		`[{"destination": 5}]`:   "m.json:1:18",
		`[] []`:                  "m.json:1:4",
		`{"mounts": {}}`:         "m.json:1:12",
		`[{"destination": "/a"`:  "m.json:1:22",
		`[{"destination":"/a"}}`: "m.json:1:22",
	} {
		if got, err := Mounts("m.json", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want an error at %s", text, got, err, want)
		}
	}
}
