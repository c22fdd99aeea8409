package main

import (
	"strings"
	"testing"
)

// TestWrap: no line is cut, and nothing is lost.
func TestWrap(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("runc takes 3.4 to 5.2 times crun's time. ", 9))
	lines := wrap(text)
	for _, line := range lines {
		if len(line) > 105 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	if strings.Join(lines, " ") != text || len(lines) != 4 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	if wrap("") != nil {
		t.Error("a line of nothing")
	}
}
