package plan

import "testing"

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "",
		`mount "/a b" on \x`:  `mount "/a b" on \x`,
		"größe 日本 \ufffd":     "größe 日本 \ufffd",
		"a\nwarning: b":       `a\nwarning: b`,
		"\x1b[2J\r\t\a":       `\x1b[2J\r\t\a`,
		"a\xffb\x7f":          `a\xffb\x7f`,
		"abc\u202etxt\u200b":  `abc\u202etxt\u200b`,
		"\u009b31m\u0000\xc2": `\u009b31m\x00\xc2`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
}
