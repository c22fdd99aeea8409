package cgroups

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// setRdma writes one line per adapter: "mlx4_0 hca_handle=2 hca_object=2000".
func (l *limits) setRdma(limits map[string]specs.LinuxRdma) error {
	if len(limits) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		field := "rdma[" + strconv.Quote(name) + "]"
		if name == "" || strings.ContainsAny(name, " \t\n\x00=") {
			return invalid(field, "not the name of an adapter")
		}
		line, adapter := name, limits[name]
		if adapter.HcaHandles != nil {
			line += " hca_handle=" + strconv.FormatUint(uint64(*adapter.HcaHandles), 10)
		}
		if adapter.HcaObjects != nil {
			line += " hca_object=" + strconv.FormatUint(uint64(*adapter.HcaObjects), 10)
		}
		if line == name {
			continue
		}
		if err := l.set(field, "rdma.max", line); err != nil {
			return err
		}
	}
	return nil
}

// RdmaStats is the use of one adapter.
type RdmaStats struct {
	Device     string
	Handles    uint64
	Objects    uint64
	HandlesMax uint64 // Max for none
	ObjectsMax uint64
}

func (r *reader) rdmaStats() ([]RdmaStats, error) {
	current, limit := r.text("rdma.current"), r.text("rdma.max")
	var list []RdmaStats
	for line := range strings.Lines(string(current)) {
		s := RdmaStats{HandlesMax: Max, ObjectsMax: Max}
		s.Device, s.Handles, s.Objects = rdmaLine(line)
		for line := range strings.Lines(string(limit)) {
			if name, handles, objects := rdmaLine(line); name == s.Device {
				s.HandlesMax, s.ObjectsMax = handles, objects
			}
		}
		list = append(list, s)
	}
	return list, r.err
}

func rdmaLine(line string) (name string, handles, objects uint64) {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	for word := range strings.FieldsSeq(rest) {
		key, val, _ := strings.Cut(word, "=")
		n, _ := parseMax([]byte(val))
		switch key {
		case "hca_handle":
			handles = n
		case "hca_object":
			objects = n
		}
	}
	return name, handles, objects
}
