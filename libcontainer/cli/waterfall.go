package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/crun-go/crun-go/specconv/plan"
)

// The layout of a waterfall, in pixels.
const (
	rowHeight   = 16
	headHeight  = 40
	labelWidth  = 430
	chartWidth  = 500
	timeWidth   = 70
	labelLength = 68 // characters
)

const waterfallStyle = `<style>
text { font: 11px ui-monospace, monospace; fill: #1f2328 }
rect { fill: #8250df }
.p0 { fill: #0969da } .p1 { fill: #bc4c00 } .failed { fill: #d1242f } .grid { stroke: #d0d7de }
.back { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
rect { fill: #ab7df8 }
.p0 { fill: #4493f8 } .p1 { fill: #f0883e } .failed { fill: #f85149 } .grid { stroke: #3d444d }
.back { fill: #0d1117 }
}
</style>
`

var xmlEscapes = [...][2]string{{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {`"`, "&quot;"}}

// xmlText is a text as it may stand in XML.
func xmlText(s string) string {
	s = plan.Printable(strings.ToValidUTF8(s, "\ufffd"))
	for _, e := range xmlEscapes {
		s = strings.ReplaceAll(s, e[0], e[1])
	}
	return s
}

// waterfall draws a bar for each step on a common line of time.
func waterfall(steps []*tracedStep) []byte {
	var end float64
	var processes []string // in the order of their colours
	for _, s := range steps {
		end = max(end, s.begin+s.took)
		if !slices.Contains(processes, s.process) {
			processes = append(processes, s.process)
		}
	}
	scale := chartWidth / max(end, 1)
	width, height := labelWidth+chartWidth+timeWidth, headHeight+rowHeight*len(steps)+8
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n", width, height, width, height)
	b.WriteString(waterfallStyle)
	fmt.Fprintf(&b, `<rect class="back" width="%d" height="%d"/>`+"\n", width, height)
	x := 8
	for i, p := range processes {
		fmt.Fprintf(&b, `<rect class="p%d" x="%d" y="8" width="10" height="10"/><text x="%d" y="17">%s</text>`+"\n", i, x, x+14, xmlText(p))
		x += 34 + 7*utf8.RuneCountInString(p)
	}
	for i := range 5 {
		at := labelWidth + chartWidth*i/4
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%d" y2="%d"/><text x="%d" y="%d" text-anchor="middle">%s ms</text>`+"\n",
			at, at, headHeight, height-8, at, headHeight-4, milliseconds(end*float64(i)/4))
	}
	for i, s := range steps {
		y := headHeight + rowHeight*i
		class := "p" + strconv.Itoa(slices.Index(processes, s.process))
		if s.failed != "" {
			class = "failed"
		}
		title := xmlText(s.process + ": " + s.name)
		for _, more := range [...]string{s.field, s.failed} {
			if more != "" {
				title += "&#10;" + xmlText(more)
			}
		}
		from, long := labelWidth+s.begin*scale, max(s.took*scale, 1)
		fmt.Fprintf(&b, `<g><title>%s</title><text x="8" y="%d">%s</text><rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/><text x="%.1f" y="%d">%s</text></g>`+"\n",
			title, y+12, xmlText(label(s.name)), class, from, y+3, long, rowHeight-5, from+long+4, y+12, milliseconds(s.took))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// label is a text that has room for it beside the bars.
func label(s string) string {
	if utf8.RuneCountInString(s) <= labelLength {
		return s
	}
	return string([]rune(s)[:labelLength-1]) + "…"
}
