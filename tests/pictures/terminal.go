package pictures

import (
	"slices"
	"strings"
	"unicode/utf8"
)

var terminalClasses = []Class{
	{Name: "text", Property: "fill", Light: "#1f2328", Dark: "#e6edf3", More: monospace},
	{Name: "s1", Property: "font-weight", Light: "bold", Dark: "bold"},
	{Name: "s2", Property: "fill", Light: "#59636e", Dark: "#9198a1"},
	{Name: "s31", Property: "fill", Light: "#cf222e", Dark: "#ff7b72"},
	{Name: "s32", Property: "fill", Light: "#1a7f37", Dark: "#3fb950"},
	{Name: "s33", Property: "fill", Light: "#9a6700", Dark: "#d29922"},
	{Name: "s36", Property: "fill", Light: "#1b7c83", Dark: "#39c5cf"},
	{Name: "frame", Property: "stroke", Light: "#d0d7de", Dark: "#30363d", More: "fill: none"},
}

// A span is a part of a line in one style: the numbers after "ESC [", with blanks between.
type span struct{ style, text string }

// spans splits a line by its SGR sequences (ECMA-48), which have to begin and end in it. Others are left as they are, to be
// seen.
func spans(line string) []span {
	var list []span
	style := ""
	for line != "" {
		text, rest, found := strings.Cut(line, "\x1b[")
		if text != "" {
			list = append(list, span{style, text})
		}
		if !found {
			break
		}
		numbers, after, _ := strings.Cut(rest, "m")
		style = strings.Trim(strings.ReplaceAll(numbers, ";", " "), "0 ")
		line = after
	}
	return list
}

// plain is a text without its SGR sequences.
func plain(text string) string {
	var b strings.Builder
	for _, s := range spans(text) {
		b.WriteString(s.text)
	}
	return b.String()
}

// Terminal draws what a terminal has been sent, of so many columns.
func Terminal(title, text string, columns int) []byte {
	var rows []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "")) {
		rows = append(rows, strings.TrimSuffix(line, "\n"))
	}
	p := &Picture{Width: int(float64(columns)*cellWidth) + 2*margin, Height: len(rows)*cellHeight + 2*margin}
	p.Rect("frame", 0.5, 0.5, float64(p.Width)-1, float64(p.Height)-1, 6)
	for y, row := range rows {
		x := 0
		_, middle := centre(0, y)
		for _, s := range spans(row) {
			p.styled(s, x, middle+4)
			x += utf8.RuneCountInString(s.text)
		}
	}
	return p.Bytes(title, terminalClasses)
}

// styled writes a span. Blanks at its beginning move it, and after two others it begins again where it should: fonts differ
// in width.
func (p *Picture) styled(s span, column int, y float64) {
	var class string
	for number := range strings.FieldsSeq(s.style) {
		class += " s" + number
	}
	class = strings.TrimSpace(class)
	for _, words := range words([]rune(s.text)) {
		p.Text(class, "", margin+float64(column+words.column)*cellWidth, y, words.text)
	}
}

// A placed text is what stands in a row from a column on.
type placed struct {
	column int
	text   string
}

// words are the texts in a row that have one blank between their words.
func words(row []rune) []placed {
	var list []placed
	for x := 0; x < len(row); {
		if row[x] == ' ' {
			x++
			continue
		}
		end := x
		for end < len(row) && (row[end] != ' ' || end+1 < len(row) && row[end+1] != ' ') {
			end++
		}
		list = append(list, placed{x, strings.TrimRight(string(row[x:end]), " ")})
		x = end
	}
	return list
}

// wider returns the lines of a text that do not fit into so many columns.
func wider(text string, columns int) []string {
	return slices.DeleteFunc(strings.Split(plain(text), "\n"), func(line string) bool { return utf8.RuneCountInString(line) <= columns })
}
