package pictures

import (
	"fmt"
	"slices"
	"strings"
)

// The size of a character, and the margin around all of them.
const (
	cellWidth  = 7.23 // of the fonts below, at this size
	cellHeight = 17
	margin     = 12
)

const monospace = "font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre"

var boxesClasses = []Class{
	{Name: "text", Property: "fill", Light: "#1f2328", Dark: "#e6edf3", More: monospace},
	{Name: "title", Property: "fill", Light: "#0969da", Dark: "#58a6ff", More: "font-weight: bold"},
	{Name: "box", Property: "fill", Light: "#f6f8fa", Dark: "#161b22"},
	{Name: "edge", Property: "stroke", Light: "#afb8c1", Dark: "#484f58", More: "fill: none"},
	{Name: "line", Property: "stroke", Light: "#59636e", Dark: "#9198a1", More: "fill: none; stroke-width: 1.5"},
	{Name: "head", Property: "fill", Light: "#59636e", Dark: "#9198a1"},
}

// The directions in which a line leaves a cell.
const (
	left = 1 << iota
	right
	up
	down
)

var lines = map[rune]int{
	'─': left | right, '│': up | down, '┌': right | down, '┐': left | down, '└': right | up, '┘': left | up,
	'├': up | down | right, '┤': up | down | left, '┬': left | right | down, '┴': left | right | up,
	'▶': left | right, '◀': left | right, '▼': up | down, '▲': up | down,
}

// heads are those of arrows, by where they point.
var heads = map[rune]int{'▶': right, '◀': left, '▼': down, '▲': up}

// steps are the cells around one, by direction.
var steps = map[int][2]int{left: {-1, 0}, right: {1, 0}, up: {0, -1}, down: {0, 1}}

// boxes is a picture of boxes, arrows and words that are characters.
type boxes struct {
	Picture
	grid [][]rune
	edge map[[2]int]bool // cells that belong to a box
}

// Boxes draws boxes and arrows that are drawn with box-drawing characters. The first line in a box is its title.
func Boxes(title, text string) []byte {
	b := &boxes{edge: make(map[[2]int]bool)}
	columns := 0
	for line := range strings.Lines(text) {
		row := []rune(strings.TrimRight(line, " \n"))
		b.grid = append(b.grid, row)
		columns = max(columns, len(row))
	}
	b.Width, b.Height = int(float64(columns)*cellWidth)+2*margin, len(b.grid)*cellHeight+2*margin
	titles := make(map[int][]int) // the columns of boxes whose title is in this row
	for y, row := range b.grid {
		for x, r := range row {
			if r == '┌' && b.box(x, y) {
				titles[y+1] = append(titles[y+1], x)
			}
		}
	}
	for y, row := range b.grid {
		for x := range row {
			b.line(x, y, right)
			b.line(x, y, down)
			b.head(x, y)
		}
	}
	for y := range b.grid {
		b.words(y, titles[y])
	}
	return b.Bytes(title, boxesClasses)
}

// at is the character of a cell, a blank outside.
func (b *boxes) at(x, y int) rune {
	if y < 0 || y >= len(b.grid) || x < 0 || x >= len(b.grid[y]) {
		return ' '
	}
	return b.grid[y][x]
}

// centre is the middle of a cell in pixels.
func centre(x, y int) (float64, float64) {
	return margin + (float64(x)+0.5)*cellWidth, margin + (float64(y)+0.5)*cellHeight
}

// box draws the box whose upper left corner is there, and reports whether there is one.
func (b *boxes) box(x, y int) bool {
	x2, y2 := x+1, y+1
	for b.at(x2, y) == '─' {
		x2++
	}
	for b.at(x, y2) == '│' {
		y2++
	}
	if b.at(x2, y) != '┐' || b.at(x, y2) != '└' || b.at(x2, y2) != '┘' {
		return false
	}
	for i := x; i <= x2; i++ {
		b.edge[[2]int{i, y}], b.edge[[2]int{i, y2}] = true, true
	}
	for i := y; i <= y2; i++ {
		b.edge[[2]int{x, i}], b.edge[[2]int{x2, i}] = true, true
	}
	fromX, fromY := centre(x, y)
	toX, toY := centre(x2, y2)
	b.Rect("box", fromX, fromY, toX-fromX, toY-fromY, 5)
	b.Rect("edge", fromX, fromY, toX-fromX, toY-fromY, 5)
	return true
}

// joined reports whether a line leads from a cell to the next one on the right, or below.
func (b *boxes) joined(x, y, direction int) bool {
	x2, y2 := x+steps[direction][0], y+steps[direction][1]
	from, to := lines[b.at(x, y)], lines[b.at(x2, y2)]
	both := b.edge[[2]int{x, y}] && b.edge[[2]int{x2, y2}]
	return from != 0 && to != 0 && !both && (from&direction != 0 || to&opposite(direction) != 0)
}

// line draws the line that begins in a cell and leads to the right, or down.
func (b *boxes) line(x, y, direction int) {
	dx, dy := steps[direction][0], steps[direction][1]
	if b.joined(x-dx, y-dy, direction) || !b.joined(x, y, direction) {
		return
	}
	x2, y2 := x, y
	for b.joined(x2, y2, direction) {
		x2, y2 = x2+dx, y2+dy
	}
	fromX, fromY := centre(x, y)
	toX, toY := centre(x2, y2)
	b.Line("line", fromX, fromY, toX, toY)
}

// head draws the head of an arrow, up to the box that it points to.
func (b *boxes) head(x, y int) {
	direction, isHead := heads[b.at(x, y)]
	if !isHead {
		return
	}
	toX, toY := centre(x+steps[direction][0], y+steps[direction][1])
	dx, dy := float64(steps[direction][0]), float64(steps[direction][1])
	b.Raw("<path class=\"head\" d=\"M%s %sL%s %sL%s %sZ\"/>\n", number(toX), number(toY),
		number(toX-9*dx-4*dy), number(toY-9*dy-4*dx), number(toX-9*dx+4*dy), number(toY-9*dy+4*dx))
}

func opposite(direction int) int {
	return map[int]int{left: right, right: left, up: down, down: up}[direction]
}

// words writes what is in a row.
func (b *boxes) words(y int, titles []int) {
	row := slices.Clone(b.grid[y])
	for x, r := range row {
		if _, isLine := lines[r]; isLine {
			row[x] = ' '
		}
	}
	_, middle := centre(0, y)
	for _, w := range words(row) {
		class := ""
		if slices.Contains(titles, w.column-2) {
			class = "title"
		}
		b.Text(class, "", margin+float64(w.column)*cellWidth, middle+4, w.text)
	}
}

// Check returns what is wrong with a text for [Boxes]: a line that leads nowhere.
func Check(text string) error {
	b := &boxes{}
	for line := range strings.Lines(text) {
		b.grid = append(b.grid, []rune(strings.TrimRight(line, " \n")))
	}
	for y, row := range b.grid {
		for x, r := range row {
			for d, step := range steps {
				next := b.at(x+step[0], y+step[1])
				if lines[r]&d != 0 && next == ' ' {
					return fmt.Errorf("line %d, column %d: %c leads nowhere", y+1, x+1, r)
				}
			}
		}
	}
	return nil
}
