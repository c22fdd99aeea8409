package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A color is what a terminal is sent for one (Select Graphic Rendition, ECMA-48).
type color string

const (
	uncolored color = ""
	bold      color = "1"
	dim       color = "2"
	red       color = "1;31"
	green     color = "32"
	yellow    color = "33"
	cyan      color = "36"
)

// palette reports whether words may be colored.
type palette bool

// colors is the palette of an output: terminals have colors, unless the user wants none (https://no-color.org) or the
// terminal can't show them.
func colors(w io.Writer) palette {
	term := os.Getenv("TERM")
	return palette(os.Getenv("NO_COLOR") == "" && term != "" && term != "dumb" && isTerminal(w))
}

// paint colors one line, or a part of it. What is in it has to be printable.
func (p palette) paint(c color, text string) string {
	if !p || c == uncolored {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[m"
}

// paintRows colors the lines of a table: the head, and those below it as of says.
func (p palette) paintRows(table string, of func(row int) color) string {
	if !p {
		return table
	}
	var b strings.Builder
	row := -1
	for line := range strings.Lines(table) {
		c := bold
		if row >= 0 {
			c = of(row)
		}
		b.WriteString(p.paint(c, strings.TrimSuffix(line, "\n")) + "\n")
		row++
	}
	return b.String()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// printJSON writes an answer for programs.
func (inv *invocation) printJSON(data []byte) error {
	_, err := inv.stdout.Write(shown(inv.stdout, data))
	return err
}

// shown is a JSON text as it is written to an output. JSON has to escape nothing above U+001F, but there is more that steers
// a terminal, and texts that a bundle has chosen are in it: where there is a terminal that is escaped, too.
func shown(w io.Writer, data []byte) []byte {
	if bytes.IndexFunc(data, steers) < 0 || !isTerminal(w) {
		return data
	}
	return escapedJSON(data)
}

// steers reports whether a terminal may do something else with a rune than show it. JSON has a newline at its end.
func steers(r rune) bool { return r >= 0x7f && !strconv.IsPrint(r) }

// escapedJSON writes such runes of a JSON text, which can only be in strings, as "\u202e".
func escapedJSON(data []byte) []byte {
	var b []byte
	for _, r := range string(data) {
		if !steers(r) {
			b = utf8.AppendRune(b, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			b = fmt.Appendf(b, `\u%04x`, unit)
		}
	}
	return b
}
