package cgroups

import (
	"errors"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (l *limits) setCPU(r *specs.LinuxCPU) error {
	// A cgroup that is idle takes no weight, so idle is decided first.
	idle := value(r.Idle)
	if r.Idle != nil {
		err := l.set("cpu.idle", "cpu.idle", strconv.FormatInt(idle, 10))
		if idle == 0 {
			err = tolerate(err)
		}
		if err != nil {
			return err
		}
	}
	if shares := value(r.Shares); shares != 0 && idle == 0 {
		if err := l.set("cpu.shares", "cpu.weight", strconv.FormatUint(WeightOfShares(shares), 10)); err != nil {
			return err
		}
	}
	return l.setBandwidth(r)
}

// WeightOfShares maps the shares of cgroup v1 (2 to 262144, default 1024) to
// the weight of v2 (1 to 10000, default 100). The curve goes through both ends
// and maps one default to the other, which a straight line cannot:
//
//	weight = ceil(10^((l² + 125 l) / 612 - 7/34)), l = log2(shares)
func WeightOfShares(shares uint64) uint64 {
	switch {
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

// setBandwidth writes cpu.max and cpu.max.burst. The kernel refuses a burst
// above the quota whichever is written first, so one that does not fit the old
// quota is tried again with the new.
func (l *limits) setBandwidth(r *specs.LinuxCPU) error {
	field, bandwidth, err := l.bandwidth(value(r.Quota), value(r.Period))
	if err != nil {
		return err
	}
	var burstErr error
	setBurst := func() error {
		if r.Burst == nil {
			return nil
		}
		err := l.set("cpu.burst", "cpu.max.burst", strconv.FormatUint(*r.Burst, 10))
		if *r.Burst == 0 {
			err = tolerate(err)
		}
		return err
	}
	if burstErr = setBurst(); burstErr != nil && (bandwidth == "" || !errors.Is(burstErr, unix.EINVAL)) {
		return burstErr
	}
	if bandwidth == "" {
		return nil
	}
	err = l.set(field, "cpu.max", bandwidth)
	if bandwidth == "max" {
		err = tolerate(err)
	}
	if err == nil && burstErr != nil {
		err = setBurst()
	}
	return err
}

// bandwidth is what to write to cpu.max, "QUOTA PERIOD" in microseconds, and
// the field that asks for it. The kernel keeps a period that is left out; the
// quota has to be read to be kept.
func (l *limits) bandwidth(quota int64, period uint64) (field, text string, err error) {
	field = "cpu.quota"
	switch {
	case quota < -1:
		return "", "", invalid(field, "%d is neither a quota nor -1", quota)
	case quota == -1:
		text = "max"
	case quota > 0:
		text = strconv.FormatInt(quota, 10)
	case period == 0:
		return "", "", nil
	default:
		field = "cpu.period"
		b, err := readAt(l.fd, "cpu.max")
		if err != nil {
			return "", "", l.explain(field, "read", "cpu.max", "", err)
		}
		text, _, _ = strings.Cut(strings.TrimSpace(string(b)), " ")
	}
	if period != 0 {
		text += " " + strconv.FormatUint(period, 10)
	}
	return field, text, nil
}

// CPUStats is cpu.stat. Times are in microseconds, as the kernel's.
type CPUStats struct {
	Usage, User, System uint64 // there without the controller, too

	// Zero without the controller.
	Periods       uint64 // of cpu.max
	Throttled     uint64 // periods in which the quota ran out
	ThrottledTime uint64
	Bursts        uint64 // periods in which burst was used
	BurstTime     uint64

	PSI *PSI
}

func (r *reader) cpuStats() (*CPUStats, error) {
	b, err := r.d.read("cpu.stat")
	if err != nil {
		return nil, err
	}
	s := &CPUStats{PSI: r.psi("cpu.pressure")}
	eachKey(b, func(key string, n uint64) {
		switch key {
		case "usage_usec":
			s.Usage = n
		case "user_usec":
			s.User = n
		case "system_usec":
			s.System = n
		case "nr_periods":
			s.Periods = n
		case "nr_throttled":
			s.Throttled = n
		case "throttled_usec":
			s.ThrottledTime = n
		case "nr_bursts":
			s.Bursts = n
		case "burst_usec":
			s.BurstTime = n
		}
	})
	return s, r.err
}
