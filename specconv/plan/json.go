package plan

import (
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// JSON writes a plan for programs: an object with the container, both halves
// as arrays of steps, and the hooks that come after the plan. Each step has its
// type, its field if config.json asked for it, its line of text, and its
// arguments.
//
// Nothing on the way of a container comes here, so steps are looked at by
// reflection: a new one needs no code of its own. A step's arguments have the
// names of its Go fields, and what they hold of the OCI's types those of
// config.json.
func JSON(w io.Writer, p *Plan) error {
	j := jsontext.NewWriter("  ")
	j.Object()
	j.Key("container")
	writeValue(j, reflect.ValueOf(p.Container))
	writeSteps(j, "parent", p.Parent)
	writeSteps(j, "init", p.Init)
	if len(p.Poststart) > 0 {
		j.Key("poststart")
		writeValue(j, reflect.ValueOf(p.Poststart))
	}
	if len(p.Poststop) > 0 {
		j.Key("poststop")
		writeValue(j, reflect.ValueOf(p.Poststop))
	}
	j.End()
	_, err := w.Write(append(j.Bytes(), '\n'))
	return err
}

func writeSteps(j *jsontext.Writer, half string, items []Item) {
	j.Key(half).Array()
	for _, item := range items {
		step := reflect.ValueOf(item.Step).Elem()
		j.Object()
		j.Key("step").Text(step.Type().Name())
		if item.Field != "" {
			j.Key("field").Text(item.Field)
		}
		j.Key("text").Text(item.String())
		j.Key("args")
		writeValue(j, step)
		j.End()
	}
	j.End()
}

// writeValue writes plain data with the names and omissions of encoding/json:
// that package itself would be linked for this alone.
func writeValue(j *jsontext.Writer, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		j.Bool(v.Bool())
	case reflect.String:
		j.Text(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		j.Int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		j.Uint(v.Uint())
	case reflect.Struct:
		j.Object()
		writeFields(j, v)
		j.End()
	case reflect.Pointer:
		if v.IsNil() {
			j.Null()
			return
		}
		writeValue(j, v.Elem())
	case reflect.Slice:
		writeList(j, v)
	case reflect.Map:
		writeMap(j, v)
	default:
		panic("plan: JSON can't write a " + v.Type().String())
	}
}

func writeList(j *jsontext.Writer, v reflect.Value) {
	if v.IsNil() {
		j.Null()
		return
	}
	j.Array()
	for i := range v.Len() {
		writeValue(j, v.Index(i))
	}
	j.End()
}

// writeMap writes a map whose keys are strings, in their order.
func writeMap(j *jsontext.Writer, v reflect.Value) {
	if v.IsNil() {
		j.Null()
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	j.Object()
	for _, key := range keys {
		j.Key(key.String())
		writeValue(j, v.MapIndex(key))
	}
	j.End()
}

// writeFields writes the exported fields of a struct, those of an embedded one
// among them.
func writeFields(j *jsontext.Writer, v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			writeFields(j, v.Field(i))
			continue
		case !field.IsExported(), name == "-":
			continue
		case options == "omitempty" && isEmpty(v.Field(i)):
			continue
		case name == "":
			name = field.Name
		}
		j.Key(name)
		writeValue(j, v.Field(i))
	}
}

// isEmpty is what omitempty asks: a struct never is.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
