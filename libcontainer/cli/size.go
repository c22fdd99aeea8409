package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseSize reads a number of bytes with one of the suffixes that Docker's
// flags take: b, or k, m, g, t and p with an optional b or ib behind, in either
// case. All are powers of 1024. -1 stands for no limit.
func parseSize(text string) (int64, error) {
	if text == "-1" {
		return -1, nil
	}
	number := strings.TrimRight(text, "kKmMgGtTpPiIbB ")
	suffix := strings.ToLower(strings.TrimPrefix(text[len(number):], " "))
	unit := int64(1)
	if suffix != "" {
		if power := strings.IndexByte("kmgtp", suffix[0]); power >= 0 {
			unit <<= 10 * (power + 1)
			suffix = strings.TrimPrefix(suffix[1:], "i")
		}
		suffix = strings.TrimPrefix(suffix, "b")
	}
	if suffix != "" || !digits(number) {
		return 0, fmt.Errorf("%q is not a size, expected one such as 67108864, 64m, 1.5g, or -1 for no limit", text)
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n <= math.MaxInt64/unit {
		return n * unit, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if f *= float64(unit); err != nil || f >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large for a size", text)
	}
	return int64(f), nil
}

// digits reports whether text is a number without sign, with a fraction perhaps.
func digits(text string) bool {
	whole, fraction, dot := strings.Cut(text, ".")
	if whole == "" || dot && fraction == "" {
		return false
	}
	return strings.Trim(whole+fraction, "0123456789") == ""
}
