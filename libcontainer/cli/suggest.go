package cli

import (
	"strings"

	"github.com/crun-go/crun-go/specconv/spell"
)

// either lists words: "a", "a or b", "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// choiceHint is for a value that is none of those that a flag takes.
func choiceHint(flag, value string, words []string) string {
	return strings.TrimSpace(spell.Hint(value, words) + " " + flag + " is " + either(words))
}
