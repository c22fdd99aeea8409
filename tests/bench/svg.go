package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/crun-go/crun-go/tests/pictures"
)

// The layout of the chart, in pixels.
const (
	chartWidth = 760
	chartLeft  = 190 // of the bars; titles are left of it
	chartRight = 120 // for values right of the longest bar
	chartTop   = 92
	barHeight  = 12
	groupGap   = 10
)

var chartClasses = []pictures.Class{
	{Name: "text", Property: "fill", Light: "#1f2328", Dark: "#e6edf3", More: "font: 13px sans-serif"},
	{Name: "title", Property: "fill", Light: "#1f2328", Dark: "#e6edf3", More: "font: bold 15px sans-serif"},
	{Name: "note", Property: "fill", Light: "#59636e", Dark: "#9198a1", More: "font: 11px sans-serif"},
	{Name: "p0", Property: "fill", Light: "#0969da", Dark: "#4493f8"},
	{Name: "p1", Property: "fill", Light: "#bc4c00", Dark: "#db6d28"},
	{Name: "p2", Property: "fill", Light: "#afb8c1", Dark: "#656c76"},
	{Name: "p3", Property: "fill", Light: "#d4a72c", Dark: "#9e6a03"},
	{Name: "grid", Property: "stroke", Light: "#eaeef2", Dark: "#21262d"},
	{Name: "floor", Property: "stroke", Light: "#1a7f37", Dark: "#3fb950", More: "stroke-width: 3"},
}

// A chart is a picture of the comparison: for each operation a bar of each runtime, as a multiple
// of what the base takes. What is left to gain, the floor, is a mark.
type chart struct {
	*result
	pictures.Picture
	shown []contest
	bars  []string // the runtimes that have bars; the first is ours
	most  float64  // the multiple at the right end
}

// svg draws the chart.
func (r *result) svg() []byte {
	c := &chart{result: r}
	for _, one := range r.Contests {
		// With many alive, or one mount more, it would be the same again.
		if len(one.Peers) > 0 && one.Peers[0].Ratio > 0 && one.Alive <= 1 && one.Mounts != 1 {
			c.shown = append(c.shown, one)
		}
	}
	for _, one := range c.shown {
		for i, s := range one.Peers {
			if i == 1 && len(c.bars) == 1 {
				c.bars = append(c.bars, r.Base)
			}
			if s.Name != "floor" && !slices.Contains(c.bars, s.Name) {
				c.bars = append(c.bars, s.Name)
			}
			c.most = max(c.most, math.Ceil(s.Ratio))
		}
	}
	notes := wrap(r.Machine + "; medians of commands that took turns, " + r.Started.Format("January 2006") + ".")
	bottom := c.groupTop(len(c.shown))
	c.Width, c.Height = chartWidth, int(bottom)+30+18*len(notes)
	title := fmt.Sprintf("Time of a command, in multiples of %s's (shorter is faster)", r.Base)
	c.Text("title", "", 12, 26, title)
	c.legend()
	c.axis(bottom)
	for i := range c.shown {
		c.group(&c.shown[i], c.groupTop(i))
	}
	for i, note := range notes {
		c.Text("note", "", 12, bottom+26+18*float64(i), note)
	}
	return c.Bytes(title, chartClasses)
}

// groupTop is where the bars of a contest begin.
func (c *chart) groupTop(i int) float64 {
	return chartTop + float64(i*(barHeight*len(c.bars)+groupGap))
}

// at is where a multiple is.
func (c *chart) at(multiple float64) float64 {
	return chartLeft + multiple/max(c.most, 1)*(chartWidth-chartLeft-chartRight)
}

// legend names the bars and the marks.
func (c *chart) legend() {
	const y = 50
	x := 12.0
	entry := func(draw func(x float64), text string) {
		draw(x)
		c.Text("", "", x+18, y, text)
		x += 40 + 7.2*float64(len(text))
	}
	for i, name := range c.bars {
		entry(func(x float64) { c.Rect(fmt.Sprintf("p%d", i), x, y-11, 12, 12, 2) }, name)
	}
	if slices.ContainsFunc(c.shown, func(one contest) bool { return one.of("floor") != nil }) {
		entry(func(x float64) { c.Line("floor", x+6, y-13, x+6, y+3) }, "the same system calls, made by a C program")
	}
}

// axis draws the multiples.
func (c *chart) axis(bottom float64) {
	for n := range int(c.most) + 1 {
		c.Line("grid", c.at(float64(n)), chartTop-8, c.at(float64(n)), bottom-groupGap+4)
		c.Text("note", "middle", c.at(float64(n)), chartTop-14, fmt.Sprintf("%d×", n))
	}
}

// group draws the bars of one contest.
func (c *chart) group(one *contest, y float64) {
	height := float64(barHeight * len(c.bars))
	c.Text("", "end", chartLeft-10, y+height/2+4, one.title())
	for i, name := range c.bars {
		s := one.of(name)
		if s == nil || s.Ratio == 0 {
			continue
		}
		top := y + float64(barHeight*i)
		c.Rect(fmt.Sprintf("p%d", i), chartLeft, top, c.at(s.Ratio)-chartLeft, barHeight-1, 1)
		c.Text("note", "", c.at(s.Ratio)+6, top+barHeight-2, fmt.Sprintf("%.2f× (%.1f ms)", s.Ratio, s.Median))
	}
	if floor := one.of("floor"); floor != nil {
		c.Line("floor", c.at(floor.Ratio), y-2, c.at(floor.Ratio), y+barHeight+1)
	}
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
