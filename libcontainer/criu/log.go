package criu

import (
	"slices"
	"strings"
)

// excerptLines is how many errors of a log an excerpt has. The first is the
// cause most of the time, others say where it hit.
const excerptLines = 3

// Excerpt is what went wrong, out of a log of CRIU's: its first errors, on one
// line, without times and places in CRIU's source. It is empty if there are none.
//
// A line is "(00.012345) Error (criu/mount.c:1087): mnt: text"; between time and
// level there may be the number of a process.
func Excerpt(log []byte) string {
	var found []string
	for text := range strings.Lines(string(log)) {
		before, rest, ok := strings.Cut(text, "Error (")
		if !ok || !strings.HasPrefix(text, "(") || strings.Contains(before, "Warn") {
			continue
		}
		if _, said, ok := strings.Cut(rest, "): "); ok {
			rest = said
		}
		if rest = line(rest); rest != "" && !slices.Contains(found, rest) {
			found = append(found, rest)
		}
		if len(found) == excerptLines {
			break
		}
	}
	return strings.Join(found, "; ")
}

// line makes foreign text fit to be a part of a message: on one line, of a
// bounded length, and printable.
func line(text string) string {
	const longest = 400
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.TrimSpace(text)
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
