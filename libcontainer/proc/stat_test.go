package proc

import (
	"strings"
	"testing"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21\n"
	// A process may call itself anything (PR_SET_NAME).
	for _, comm := range []string{"sh", "a b c", "(", ")", "", "\n", ") Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1 2 3", "x) Z (", "((("} {
		got, err := ParseStat([]byte("42 (" + comm + ")" + rest))
		if err != nil || got != (Stat{Name: comm, State: 'S', Parent: 1, Group: 2, Threads: 17, Start: 987654, CPU: 11 + 12, Pages: 21}) {
			t.Errorf("%q: %+v, %v", comm, got, err)
		}
	}
	for _, text := range []string{"", "42 (sh)", "42 (sh) S 1 2", "42 (sh)" + strings.Replace(rest, "987654", "x", 1), "42 (sh)" + strings.Replace(rest, " S", " SS", 1)} {
		if got, err := ParseStat([]byte(text)); err == nil {
			t.Errorf("%q was accepted: %+v", text, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21\n"))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if st, err := ParseStat(data); err == nil && st.State == 0 {
			t.Errorf("%q has no state", data)
		}
	})
}
