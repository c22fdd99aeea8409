package plan

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// TestJSONArguments: encoding/json would write the same, whatever is in a step.
func TestJSONArguments(t *testing.T) {
	var next int64
	for _, filled := range []bool{true, false} {
		p := full(filled)
		for _, step := range []Step{
			&CreateCgroup{}, &SetResources{}, &SetDevices{}, &SetPids{}, &OpenTree{}, &Spawn{}, &Await{}, &Continue{}, &RunHooks{},
			&SetOOMScoreAdj{}, &SetRlimits{},
		} {
			if filled {
				fill(reflect.ValueOf(step).Elem(), &next)
			}
			p.Parent = append(p.Parent, Item{Field: "a.b", Step: step})
		}
		var got, want bytes.Buffer
		if err := JSON(&got, p); err != nil {
			t.Fatal(err)
		}
		e := json.NewEncoder(&want)
		e.SetIndent("", "  ")
		if err := e.Encode(reference(p)); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("filled: %v, got\n%s\nwant\n%s", filled, &got, &want)
		}
	}
}

// reference is what JSON's object looks like to encoding/json.
func reference(p *Plan) any {
	type step struct {
		Step  string `json:"step"`
		Field string `json:"field,omitempty"`
		Text  string `json:"text"`
		Args  Step   `json:"args"`
	}
	var document struct {
		Container Container `json:"container"`
		Parent    []step    `json:"parent"`
		Init      []step    `json:"init"`
	}
	document.Container = p.Container
	p.halves(func(half string, _ int, item Item) {
		s := step{reflect.TypeOf(item.Step).Elem().Name(), item.Field, item.String(), item.Step}
		if half == "parent" {
			document.Parent = append(document.Parent, s)
		} else {
			document.Init = append(document.Init, s)
		}
	})
	return document
}
