// Package pictures draws the pictures of the documentation as SVG: an architecture of boxes
// and arrows ([Boxes]), and what a terminal shows ([Terminal]). tests/bench draws its chart with it. Every picture has
// colours of its own for light and for dark pages, and a background, so that it can be read
// where the page and the system disagree about which it is.
package pictures

import (
	"bytes"
	"fmt"
	"strings"
)

// A Class is how one kind of thing is drawn, on light and on dark pages. That of all texts is named text.
type Class struct {
	Name        string
	Property    string // such as fill
	Light, Dark string
	More        string // other properties, the same on both
}

// A Picture is an SVG document that is being written.
type Picture struct {
	Width, Height int
	body          bytes.Buffer
}

// Text adds a text, which XML's special characters may be in.
func (p *Picture) Text(class, anchor string, x, y float64, text string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	fmt.Fprintf(&p.body, "<text%s%s x=\"%s\" y=\"%s\">%s</text>\n", class, anchor, number(x), number(y), Escape(text))
}

// Rect adds a rectangle with round corners.
func (p *Picture) Rect(class string, x, y, width, height, round float64) {
	corners := ""
	if round > 0 {
		corners = ` rx="` + number(round) + `"`
	}
	fmt.Fprintf(&p.body, "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"%s/>\n",
		class, number(x), number(y), number(width), number(height), corners)
}

// Line adds a line.
func (p *Picture) Line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.body, "<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n", class, number(x1), number(y1), number(x2), number(y2))
}

// Raw adds elements that are XML already.
func (p *Picture) Raw(format string, args ...any) { fmt.Fprintf(&p.body, format, args...) }

// Bytes is the document, with a title for readers who do not see it.
func (p *Picture) Bytes(title string, classes []Class) []byte {
	var b, dark bytes.Buffer
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %[2]d\" role=\"img\">\n<title>%[3]s</title>\n<style>\n",
		p.Width, p.Height, Escape(title))
	for _, c := range append([]Class{{Name: "back", Property: "fill", Light: "#ffffff", Dark: "#0d1117"}}, classes...) {
		selector := "." + c.Name
		if c.Name == "text" {
			selector = c.Name
		}
		more := c.More
		if more != "" {
			more = "; " + more
		}
		fmt.Fprintf(&b, "%s { %s: %s%s }\n", selector, c.Property, c.Light, more)
		fmt.Fprintf(&dark, "%s { %s: %s }\n", selector, c.Property, c.Dark)
	}
	fmt.Fprintf(&b, "@media (prefers-color-scheme: dark) {\n%s}\n</style>\n<rect class=\"back\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", dark.Bytes(), p.Width, p.Height)
	b.Write(p.body.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// Escape is a text as it may stand in XML.
func Escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(text)
}

// number is a coordinate, to a tenth of a pixel.
func number(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }
