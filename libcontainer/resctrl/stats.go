package resctrl

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Stats is what a class may use, and what is used of it. What the machine does
// not have is empty.
type Stats struct {
	L3       *CacheInfo     // nil: L3 caches can't be shared out
	MB       *BandwidthInfo // nil: nor can memory bandwidth
	Default  []string       // schemata lines of the default class
	Schemata []string       // of the class
	Monitors []Monitor      // by L3 cache, in the order of their numbers
}

// CacheInfo is info/L3.
type CacheInfo struct {
	Mask                string // all bits that a mask can have, in hexadecimal
	MinBits, NumClosids uint64
}

// BandwidthInfo is info/MB.
type BandwidthInfo struct {
	Granularity, DelayLinear, Min, NumClosids uint64
}

// Monitor counts for one L3 cache. A counter that the kernel has not at hand is
// 0.
type Monitor struct {
	Occupancy              uint64 // bytes in the cache
	TotalBytes, LocalBytes uint64 // of memory traffic
}

// Stats reads the class at dir. Counters are those of monitor, a monitoring
// group in the class, or if it is empty those of the class.
func (r Root) Stats(dir, monitor string) (*Stats, error) {
	s := &Stats{L3: r.cacheInfo(), MB: r.bandwidthInfo()}
	var err error
	if s.Default, err = schemata(r.Path); err != nil {
		return nil, err
	}
	if s.Schemata, err = schemata(dir); err != nil {
		return nil, err
	}
	if monitor == "" {
		monitor = dir
	}
	caches, err := filepath.Glob(monitor + "/mon_data/mon_L3_*")
	slices.Sort(caches)
	for _, cache := range caches {
		s.Monitors = append(s.Monitors, Monitor{
			Occupancy:  number(cache + "/llc_occupancy"),
			TotalBytes: number(cache + "/mbm_total_bytes"),
			LocalBytes: number(cache + "/mbm_local_bytes"),
		})
	}
	return s, err
}

func (r Root) cacheInfo() *CacheInfo {
	dir := r.Path + "/info/L3/"
	mask, err := retry.ReadFile(dir + "cbm_mask")
	if err != nil {
		return nil
	}
	return &CacheInfo{strings.TrimSpace(string(mask)), number(dir + "min_cbm_bits"), number(dir + "num_closids")}
}

func (r Root) bandwidthInfo() *BandwidthInfo {
	dir := r.Path + "/info/MB/"
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	return &BandwidthInfo{
		number(dir + "bandwidth_gran"), number(dir + "delay_linear"), number(dir + "min_bandwidth"), number(dir + "num_closids"),
	}
}

// schemata reads the lines of a class, without the blanks that align them.
func schemata(dir string) ([]string, error) {
	text, err := retry.ReadFile(dir + "/schemata")
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines, nil
}

// number reads a file of one number; 0 for none, or words such as Unavailable.
func number(path string) uint64 {
	text, err := retry.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n
}
