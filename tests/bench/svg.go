package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// svg draws what every contest took us as a share of what it took the base,
// readable on light and dark pages. A rule marks the base; what only some peers
// have to offer, the floor, is a mark.
func (r *result) svg(w io.Writer) {
	const (
		width, left, right = 720, 170, 40
		bar, gap, top      = 16, 8, 56
		scale              = 1.2 // share of the base at the right end
	)
	at := func(share float64) float64 { return left + min(share, scale)/scale*(width-left-right) }
	var shown []contest
	for _, c := range r.Contests {
		if len(c.Peers) > 0 && c.Peers[0].Ratio > 0 && c.Alive != 100 {
			shown = append(shown, c)
		}
	}
	notes := slices.Concat(wrap(r.others()),
		wrap(r.Machine+"; medians of interleaved runs. Green: a C program that makes the system calls and nothing else."))
	height := top + len(shown)*(bar+gap) + 16 + 18*len(notes)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="13">
<style>text{fill:#24292f}.note{fill:#6e7781;font-size:12px}.ours{fill:#0969da}.rule{stroke:#8c959f}.floor{stroke:#1a7f37;stroke-width:3}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#8d96a0}}</style>
<text x="8" y="22" font-size="15">What a command takes, as a share of %s's median (shorter is faster)</text>
`, width, height, width, height, r.Base)
	for i, c := range shown {
		y := top + i*(bar+gap)
		share := c.Peers[0].Ratio
		fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n<rect class=\"ours\" x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"%d\" rx=\"2\"/>\n",
			left-8, y+13, c.title(), left, y, at(share)-left, bar)
		if floor := c.of("floor"); floor != nil {
			fmt.Fprintf(w, "<line class=\"floor\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%d\" y2=\"%d\"/>\n", at(floor.Ratio), at(floor.Ratio), y-2, y+bar+2)
		}
		fmt.Fprintf(w, "<text x=\"%.0f\" y=\"%d\">%.2f</text>\n", at(share)+6, y+13, share)
	}
	bottom := top + len(shown)*(bar+gap)
	fmt.Fprintf(w, `<line class="rule" x1="%.0f" x2="%.0f" y1="%d" y2="%d"/>
<text class="note" x="%.0f" y="%d" text-anchor="middle">%s</text>
`, at(1), at(1), top-6, bottom, at(1), top-12, r.Base)
	for i, note := range notes {
		fmt.Fprintf(w, "<text class=\"note\" x=\"8\" y=\"%d\">%s</text>\n", bottom+18*(i+1), note)
	}
	fmt.Fprintln(w, "</svg>")
}

// wrap breaks a text into lines that the picture's width holds.
func wrap(text string) []string {
	const most = 105
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= most {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// others tells how the peers that would not fit do.
func (r *result) others() string {
	var words string
	low, high := make(map[string]float64), make(map[string]float64)
	var names []string
	for _, c := range r.Contests {
		for i, s := range c.Peers {
			if i == 0 || s.Name == r.Base || s.Name == "floor" || s.Ratio == 0 {
				continue
			}
			if _, seen := low[s.Name]; !seen {
				names = append(names, s.Name)
				low[s.Name], high[s.Name] = s.Ratio, s.Ratio
			}
			low[s.Name], high[s.Name] = min(low[s.Name], s.Ratio), max(high[s.Name], s.Ratio)
		}
	}
	for _, name := range names {
		words += fmt.Sprintf("%s takes %.1f to %.1f times %s's time. ", name, low[name], high[name], r.Base)
	}
	return words
}
