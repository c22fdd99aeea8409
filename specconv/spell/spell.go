// Package spell finds the word that was probably meant by a misspelt one.
package spell

import (
	"slices"
	"strings"
)

// Nearest returns the word that is most like the one given; "" if none is like it.
func Nearest(given string, words []string) string {
	best, least := "", 2*max(1, len(given)/3)+1
	for _, word := range words {
		n := 2 * distance(given, word)
		if strings.HasPrefix(word, given) {
			n-- // rather state than start for stat
		}
		if n < least {
			best, least = word, n
		}
	}
	if best == given {
		return ""
	}
	return best
}

// Hint asks whether the word that is most like the one given was meant; it is empty if none is like it.
func Hint(given string, words []string) string {
	if best := Nearest(given, words); best != "" {
		return "did you mean " + best + "?"
	}
	return ""
}

// HintPrefixed is Hint for words that all begin with a prefix, which may be missing, and are in capitals.
func HintPrefixed(given, prefix string, words []string) string {
	full := prefix + strings.TrimPrefix(strings.ToUpper(given), prefix)
	if slices.Contains(words, full) && full != given {
		return "did you mean " + full + "?"
	}
	return Hint(full, words)
}

// distance is how many letters must be added, removed, changed, or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			changed := last[j]
			if a[i] != b[j] {
				changed++
			}
			row[j+1] = min(changed, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
