package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/crun-go/crun-go/specconv/plan"
)

// columns writes rows in columns that are as wide as their widest cell and a gap, and at least so wide. The last column is
// not filled up.
func columns(rows [][]string, least, gap int) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			cell = plan.Printable(cell)
			if i == len(widths) {
				widths = append(widths, least)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell)+gap)
		}
	}
	var b strings.Builder
	for _, row := range rows {
		last := len(row) - 1
		for i, cell := range row {
			cell = plan.Printable(cell)
			b.WriteString(cell)
			if i < last {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
