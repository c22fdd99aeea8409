package cli

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{"", "a bb", ""},
		{"b", "b abc", "a ac"},
		{"^ab$", "ab", "aab abb b"},
		{"^a.c$", "abc a.c", "ac abbc"},
		{`^a\.c$`, "a.c", "abc"},
		{"^web-[0-9]+$", "web-1 web-42", "web- web-x xweb-1"},
		{"^(web|db)_?x$", "webx db_x", "web dbx_ x"},
		{"^a{2,3}$", "aa aaa", "a aaaa"},
		{"^a{2}$", "aa", "a aaa"},
		{"^(ab){1,}$", "ab abab", "aba"},
		{"^[^a-c]+$", "xyz", "xbz a"},
		{"^[]x-]+$", "x-x", "a"},
		{"^[[:upper:][:digit:]_]+$", "A_1", "a_1"},
		{"^(a*)*$", "a aaa", "ab"},
		{"^(a|b|)*c$", "c abc", "abd"},
		{"a**", "b", ""},
		{"x^a", "", "xa"},
		{"()", "a", ""},
	} {
		p, err := parsePattern(c.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, id := range strings.Fields(c.yes) {
			if !p.matches(id) {
				t.Errorf("%s does not match %s", c.pattern, id)
			}
		}
		for _, id := range strings.Fields(c.no) {
			if p.matches(id) {
				t.Errorf("%s matches %s", c.pattern, id)
			}
		}
	}
	for _, text := range []string{"(", "a)", "[", "[a", "[]", "*a", "a|+", "(?", "{2}", "a{", "a{x}", "a{2,1}", "a{256}", "a{,2}", "a{-1}",
		`\`, `\w`, "[[:nope:]]", "[[.a.]]", "[b-a]"} {
		if _, err := parsePattern(text); err == nil || !strings.HasPrefix(err.Error(), "invalid regular expression ") {
			t.Errorf("%q: %v, want an error", text, err)
		}
	}
}

// No pattern takes forever.
func TestPatternIsPolynomial(t *testing.T) {
	for _, text := range []string{"(a*)*b", "(a|aa)+$b", strings.Repeat("a?", 200) + strings.Repeat("a", 200) + "b", "((a{9}){9}){9}b"} {
		p, err := parsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		if p.matches(strings.Repeat("a", 250)) {
			t.Errorf("%.20s matches", text)
		}
	}
}

// The oracle: Go's own, on patterns that both understand.
func TestPatternOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "b", "c", ".", "^", "$", "|", "(", ")", "*", "+", "?", "[ab]", "[^b]", "[a-c]", "{2}", "{1,2}", `\.`}
	agreed := 0
	for range 20000 {
		var b strings.Builder
		for range 1 + random.IntN(9) {
			b.WriteString(words[random.IntN(len(words))])
		}
		text := b.String()
		want, err := regexp.CompilePOSIX(text)
		if err != nil {
			continue // it refuses a** too
		}
		// In the middle of a text, CompilePOSIX has ^ match after a newline: there is none.
		p, err := parsePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		agreed++
		for _, id := range []string{"a", "b", "ab", "abc", "aab", "cba.c", "bbbb", "a.a", ""} {
			if got := p.matches(id); got != want.MatchString(id) {
				t.Errorf("%s on %q: %v, want %v", text, id, got, !got)
			}
		}
	}
	if agreed < 1000 {
		t.Errorf("%d patterns compared only", agreed)
	}
}
