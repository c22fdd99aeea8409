package cgroups

import (
	"slices"
	"testing"
)

func TestNumbers(t *testing.T) {
	for list, want := range map[string][]uint64{
		"0":      {0},
		"0-3,7":  {0, 1, 2, 3, 7},
		"1, 5-5": {1, 5},
	} {
		if got, err := Numbers(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %d, %v", list, got, err)
		}
	}
	for _, list := range []string{"", ",", "1,", "-1", "1-", "3-1", "a", "8192", "0-99999999999", "1-2-3"} {
		if got, err := Numbers(list); err == nil {
			t.Errorf("%q is %d", list, got)
		}
	}
}
