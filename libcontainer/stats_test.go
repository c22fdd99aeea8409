package libcontainer

import (
	"reflect"
	"testing"
)

func TestParseNetDev(t *testing.T) {
	const headings = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	got, err := parseNetDev(headings +
		"    lo: 1064      12    0    0    0     0          0         0     1064      12    0    0    0     0       0          0\n" +
		"  eth0: 2291886    1684    1    2    0     0          0         0   173228    1603    3    4    0     0       0          0\n" +
		"wg-18446744073709551615:18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
	want := []Interface{
		{"eth0", 2291886, 1684, 1, 2, 173228, 1603, 3, 4},
		{Name: "wg-18446744073709551615", RxBytes: 1<<64 - 1},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if got, err := parseNetDev(headings); got != nil || err != nil {
		t.Errorf("no interfaces: %v, %v", got, err)
	}
	for _, bad := range []string{"eth0:", "eth0: 1 2 3", "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 -16", "eth0: x 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"} {
		if got, err := parseNetDev(bad); err == nil {
			t.Errorf("%q was accepted: %v", bad, got)
		}
	}
}

func FuzzParseNetDev(f *testing.F) {
	f.Add("  eth0: 2291886 1684 1 2 0 0 0 0 173228 1603 3 4 0 0 0 0\n")
	f.Fuzz(func(t *testing.T, text string) { parseNetDev(text) })
}
