package advice

import "testing"

func TestCommonCgroup(t *testing.T) {
	for _, c := range [][3]string{
		{"/a/b/c", "/a/b/d", "/a/b"}, {"/a/b", "/a/b/c", "/a/b"}, {"/a/b", "/a/bc", "/a"}, {"/a", "/b", "/"}, {"/", "/b", "/"},
	} {
		if got := common(c[0], c[1]); got != c[2] {
			t.Errorf("%s and %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}
