package cgroups

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (l *limits) setIO(b *specs.LinuxBlockIO) error {
	if w := value(b.Weight); w != 0 {
		if err := l.setIOWeight("blockIO.weight", "", w); err != nil {
			return err
		}
	}
	for i, d := range b.WeightDevice {
		w := value(d.Weight)
		if w == 0 {
			continue
		}
		field := "blockIO.weightDevice[" + itoa(i) + "].weight"
		if err := l.setIOWeight(field, deviceNumber(d.LinuxBlockIODevice)+" ", w); err != nil {
			return err
		}
	}
	if err := l.setThrottle("throttleReadBpsDevice", "rbps", b.ThrottleReadBpsDevice); err != nil {
		return err
	}
	if err := l.setThrottle("throttleWriteBpsDevice", "wbps", b.ThrottleWriteBpsDevice); err != nil {
		return err
	}
	if err := l.setThrottle("throttleReadIOPSDevice", "riops", b.ThrottleReadIOPSDevice); err != nil {
		return err
	}
	return l.setThrottle("throttleWriteIOPSDevice", "wiops", b.ThrottleWriteIOPSDevice)
}

func deviceNumber(d specs.LinuxBlockIODevice) string {
	return strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
}

// setIOWeight writes a weight of cgroup v1 (10 to 1000), for the device named
// in prefix or else for all. The BFQ scheduler has that scale; io.weight, of
// the iocost controller, has 1 to 10000.
func (l *limits) setIOWeight(field, prefix string, w uint16) error {
	if w < 10 || w > 1000 {
		return invalid(field, "weight %d is not in 10 to 1000", w)
	}
	const bfq = "io.bfq.weight"
	text := prefix + itoa(int(w))
	err := l.write(bfq, text)
	if err == unix.ENOENT {
		return l.set(field, "io.weight", prefix+itoa(IOWeight(w)))
	}
	if err != nil {
		return l.explain(field, "write", bfq, text, err)
	}
	return nil
}

// HasBFQ reports whether weights go to the BFQ scheduler, in its own scale.
func (c *Cgroup) HasBFQ() bool {
	return unix.Faccessat(c.fd, "io.bfq.weight", unix.F_OK, 0) == nil
}

// IOWeight maps 10 to 1000 linearly to 1 to 10000.
func IOWeight(w uint16) int { return 1 + (int(w)-10)*9999/990 }

// setThrottle writes limits of io.max. A rate of zero lifts a limit.
func (l *limits) setThrottle(name, key string, devices []specs.LinuxThrottleDevice) error {
	for i, d := range devices {
		field := "blockIO." + name + "[" + itoa(i) + "].rate"
		line := deviceNumber(d.LinuxBlockIODevice) + " " + key + "="
		var err error
		if d.Rate == 0 {
			err = tolerate(l.set(field, "io.max", line+"max"))
		} else {
			err = l.set(field, "io.max", line+strconv.FormatUint(d.Rate, 10))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IOStats is what io.stat says of one device: bytes and operations.
type IOStats struct {
	Major, Minor                        uint64
	ReadBytes, WriteBytes, DiscardBytes uint64
	ReadOps, WriteOps, DiscardOps       uint64
}

func (r *reader) ioStats() (devices []IOStats, psi *PSI, err error) {
	devices = parseIOStat(r.text("io.stat"))
	return devices, r.psi("io.pressure"), r.err
}

// parseIOStat reads lines of "8:0 rbytes=1 wbytes=2 ...". The kernel is known
// to print a device without values, and several numbers before the values.
func parseIOStat(text []byte) []IOStats {
	var list []IOStats
	for line := range strings.Lines(string(text)) {
		for word := range strings.FieldsSeq(line) {
			key, val, ok := strings.Cut(word, "=")
			if !ok {
				major, minor, _ := strings.Cut(word, ":")
				a, err1 := strconv.ParseUint(major, 10, 32)
				b, err2 := strconv.ParseUint(minor, 10, 32)
				if err1 == nil && err2 == nil {
					list = append(list, IOStats{Major: a, Minor: b})
				}
				continue
			}
			n, err := strconv.ParseUint(val, 10, 64)
			if err != nil || len(list) == 0 {
				continue
			}
			list[len(list)-1].add(key, n)
		}
	}
	return list
}

func (s *IOStats) add(key string, n uint64) {
	switch key {
	case "rbytes":
		s.ReadBytes = n
	case "wbytes":
		s.WriteBytes = n
	case "dbytes":
		s.DiscardBytes = n
	case "rios":
		s.ReadOps = n
	case "wios":
		s.WriteOps = n
	case "dios":
		s.DiscardOps = n
	}
}
