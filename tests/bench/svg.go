package main

import (
	"fmt"
	"io"
)

// svg draws the medians as bars, readable on light and dark pages.
func (r *result) svg(w io.Writer) {
	const (
		width, left, right = 720, 110, 190
		bar, gap, top      = 26, 14, 44
	)
	longest := 0.0
	for _, p := range r.Peers {
		longest = max(longest, p.Median)
	}
	height := top + len(r.Peers)*(bar+gap) + 24
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="14">
<style>text{fill:#24292f}.note{fill:#6e7781;font-size:12px}.bar{fill:#8c959f}.ours{fill:#0969da}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#8d96a0}}</style>
<text x="8" y="24">run of Docker's default container, median (shorter is faster)</text>
`, width, height, width, height)
	for i, p := range r.Peers {
		y := top + i*(bar+gap)
		class := "bar"
		if i == 0 {
			class = "ours"
		}
		label := fmt.Sprintf("%.1f ms", p.Median)
		if p.Ratio != 0 && p.Name != r.Base {
			label += fmt.Sprintf(", %.2f of %s", p.Ratio, r.Base)
		}
		length := p.Median / longest * (width - left - right)
		fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%s</text>
<rect class="%s" x="%d" y="%d" width="%.0f" height="%d" rx="3"/>
<text x="%.0f" y="%d">%s</text>
`, left-10, y+18, p.Name, class, left, y, length, bar, left+length+8, y+18, label)
	}
	fmt.Fprintf(w, `<text class="note" x="8" y="%d">%s; %d interleaved runs each</text>
</svg>
`, height-8, r.Machine, r.Peers[0].Runs)
}
