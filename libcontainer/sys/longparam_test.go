package sys

import (
	"slices"
	"testing"
)

func TestSplitLower(t *testing.T) {
	for value, want := range map[string][]string{
		"/a":            {"/a"},
		"/a:/b:/c":      {"/a", "/b", "/c"},
		`/a\:b:/c\\:/d`: {"/a:b", `/c\`, "/d"},
		`/end\`:         {`/end\`},
	} {
		if got := splitLower(value); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
