package sys

import (
	"slices"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

func TestCutLower(t *testing.T) {
	for value, want := range map[string][]string{
		"/a":            {"/a"},
		"/a:/b:/c":      {"/a", "/b", "/c"},
		`/a\:b:/c\\:/d`: {"/a:b", `/c\`, "/d"},
		`/end\`:         {`/end\`},
	} {
		var got []string
		for rest := value; rest != ""; {
			var dir string
			var path raw.Text
			dir, rest = cutLower(rest)
			addUnescaped(&path, dir)
			got = append(got, path.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
