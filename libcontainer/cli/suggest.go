package cli

import "strings"

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
	return strings.TrimSpace(didYouMean(value, words) + " " + flag + " is " + either(words))
}

// didYouMean is a hint at the word that is most like the one given; it is empty if none is like it.
func didYouMean(given string, words []string) string {
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
	if best == "" || best == given {
		return ""
	}
	return "did you mean " + best + "?"
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
