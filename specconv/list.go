package specconv

import (
	"fmt"
	"strconv"
	"strings"
)

// parseList reads a list of numbers below limit, "0-3,7", into a mask: the list format
// of cpuset(7).
func parseList(list string, limit uint64) ([]uint64, error) {
	var mask []uint64
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.ParseUint(low, 10, 32)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(high, 10, 32)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is neither a number nor a range", part)
		case last < first:
			return nil, fmt.Errorf("the range %q ends before it begins", part)
		case last >= limit:
			return nil, fmt.Errorf("%d is above %d, the highest there may be", last, limit-1)
		}
		for n := first; n <= last; n++ {
			for uint64(len(mask)) <= n/64 {
				mask = append(mask, 0)
			}
			mask[n/64] |= 1 << (n % 64)
		}
	}
	return mask, nil
}
