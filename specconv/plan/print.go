package plan

import (
	"fmt"
	"io"
	"strings"
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
		line := fmt.Sprintf("%-6s %3d  %-*s  %s", half, n, width, item.Field, item)
		b.WriteString(Printable(line) + "\n")
	})
	_, err := io.WriteString(w, b.String())
	return err
}
