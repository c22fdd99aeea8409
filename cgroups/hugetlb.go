package cgroups

import (
	"errors"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// setHugetlb limits the use of huge pages and, where the kernel can, their
// reservation, which fails at mmap(2) and not with SIGBUS later. An entry of
// zero is written, since here it is a limit (Kubernetes means it), but needs
// no controller: without one the pod's limit applies.
func (l *limits) setHugetlb(limits []specs.LinuxHugepageLimit) error {
	for i, pages := range limits {
		field := "hugepageLimits[" + itoa(i) + "]"
		if !isPageSize(pages.Pagesize) {
			return invalid(field+".pageSize", "%q is not a page size such as 2MB", pages.Pagesize)
		}
		limit := strconv.FormatUint(pages.Limit, 10)
		err := l.set(field+".limit", "hugetlb."+pages.Pagesize+".max", limit)
		if pages.Limit == 0 && errors.Is(err, ErrNotSupported) {
			continue
		}
		if err != nil {
			return err
		}
		if err := tolerate(l.set(field+".limit", "hugetlb."+pages.Pagesize+".rsvd.max", limit)); err != nil {
			return err
		}
	}
	return nil
}

// isPageSize checks what becomes part of a file name.
func isPageSize(s string) bool {
	digits := strings.TrimRight(s, "KMGB")
	if n, err := strconv.ParseUint(digits, 10, 32); err != nil || n == 0 {
		return false
	}
	switch s[len(digits):] {
	case "KB", "MB", "GB":
		return digits[0] != '+' && digits[0] != '0'
	}
	return false
}

// HugetlbStats is the use of huge pages of one size, in bytes.
type HugetlbStats struct {
	PageSize         string // such as "2MB"
	Usage, Limit     uint64 // Limit is Max for none
	Reserved, RsvMax uint64 // before Linux 5.7 zero
	Failures         uint64 // how often the limit was hit
}

func (r *reader) hugetlbStats() ([]HugetlbStats, error) {
	var list []HugetlbStats
	sizes, err := r.pageSizes()
	if err != nil {
		return nil, err
	}
	for _, size := range sizes {
		file := "hugetlb." + size
		s := HugetlbStats{
			PageSize: size,
			Usage:    r.number(file + ".current"),
			Limit:    r.number(file + ".max"),
			Reserved: r.number(file + ".rsvd.current"),
			RsvMax:   r.number(file + ".rsvd.max"),
		}
		s.Failures, _ = flatKey(r.text(file+".events"), "max")
		list = append(list, s)
	}
	return list, r.err
}

// pageSizes lists the sizes that the cgroup has files for.
func (r *reader) pageSizes() ([]string, error) {
	names, err := r.d.files()
	if err != nil {
		return nil, err
	}
	var sizes []string
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, "hugetlb.")
		size, ok2 := strings.CutSuffix(rest, ".max")
		if ok && ok2 && isPageSize(size) {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}
