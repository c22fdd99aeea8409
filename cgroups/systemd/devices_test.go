package systemd

import "testing"

func TestAllow(t *testing.T) {
	for _, c := range []struct {
		kind         string
		major, minor int64
		want         Allowed
		ok           bool
	}{
		{"c", 1, 11, Allowed{"/dev/char/1:11", "rw"}, true},
		{"b", 8, 0, Allowed{"/dev/block/8:0", "rw"}, true},
		{"c", 189, -1, Allowed{"char-189", "rw"}, true},
		{"b", -1, -1, Allowed{"block-*", "rw"}, true},
		{"c", -1, 3, Allowed{}, false},
	} {
		if got, ok := Allow(c.kind, c.major, c.minor, "rw"); got != c.want || ok != c.ok {
			t.Errorf("%s %d:%d: %v, %v, want %v", c.kind, c.major, c.minor, got, ok, c.want)
		}
	}
}
