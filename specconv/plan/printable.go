package plan

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable returns a text as it may be shown on a line of its own: what is not
// printable, line ends included, is written as in a Go string ("\n", "\x1b",
// "\u202e"). Texts hold names that an image, a bundle or a container has chosen,
// and those must not move a terminal's cursor or forge another line. All text
// for people goes through it where it is printed.
func Printable(text string) string {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return escaped(text)
		}
	}
	return text
}

func escaped(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(text[:size])
		} else {
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}
