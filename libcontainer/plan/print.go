package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// halves calls f for every step in order, numbered from 1 in its half.
func (p *Plan) halves(f func(half string, n int, item Item)) {
	for i, item := range p.Parent {
		f("parent", i+1, item)
	}
	for i, item := range p.Init {
		f("init", i+1, item)
	}
}

// Text writes a plan for people: a line for each step, with its half, its
// number, the field of config.json that asked for it, and what it does.
func Text(w io.Writer, p *Plan) error {
	const widest = 32 // a longer field moves its own line only
	width := 0
	p.halves(func(_ string, _ int, item Item) { width = max(width, min(len(item.Field), widest)) })
	var b strings.Builder
	p.halves(func(half string, n int, item Item) {
		fmt.Fprintf(&b, "%-6s %3d  %-*s  %s\n", half, n, width, item.Field, item)
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON writes a plan for programs: an object with the container, both halves
// as arrays of steps, and the hooks that come after the plan. Each step has its
// type, its field if config.json asked for it, its line of text, and its
// arguments.
func JSON(w io.Writer, p *Plan) error {
	type step struct {
		Step  string `json:"step"`
		Field string `json:"field,omitempty"`
		Text  string `json:"text"`
		Args  Step   `json:"args"`
	}
	document := struct {
		Container Container    `json:"container"`
		Parent    []step       `json:"parent"`
		Init      []step       `json:"init"`
		Poststart []specs.Hook `json:"poststart,omitempty"`
		Poststop  []specs.Hook `json:"poststop,omitempty"`
	}{Container: p.Container, Poststart: p.Poststart, Poststop: p.Poststop}
	p.halves(func(half string, _ int, item Item) {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", item.Step), "*plan.")
		s := step{Step: kind, Field: item.Field, Text: item.String(), Args: item.Step}
		if half == "parent" {
			document.Parent = append(document.Parent, s)
		} else {
			document.Init = append(document.Init, s)
		}
	})
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}
