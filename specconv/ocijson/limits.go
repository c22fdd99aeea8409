package ocijson

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// EncodeLimits writes what [Resources] reads again: a linux.resources object on one line. It has the limits of cgroup v2;
// the device rules, which are none, and what only version 1 has are left out.
func EncodeLimits(l *specs.LinuxResources) []byte {
	w := jsontext.NewWriter("")
	w.Object()
	if m := l.Memory; m != nil {
		w.Key("memory").Object()
		putInt(w, "limit", m.Limit)
		putInt(w, "reservation", m.Reservation)
		putInt(w, "swap", m.Swap)
		w.End()
	}
	if c := l.CPU; c != nil {
		w.Key("cpu")
		encodeCPU(w, c)
	}
	if p := l.Pids; p != nil {
		w.Key("pids").Object()
		putInt(w, "limit", p.Limit)
		w.End()
	}
	if b := l.BlockIO; b != nil {
		w.Key("blockIO")
		encodeBlockIO(w, b)
	}
	putList(w, "hugepageLimits", l.HugepageLimits, func(h *specs.LinuxHugepageLimit) {
		w.Key("pageSize").Text(h.Pagesize)
		w.Key("limit").Uint(h.Limit)
	})
	if len(l.Rdma) > 0 {
		w.Key("rdma").Object()
		for _, name := range slices.Sorted(maps.Keys(l.Rdma)) {
			d := l.Rdma[name]
			w.Key(name).Object()
			putUint(w, "hcaHandles", d.HcaHandles)
			putUint(w, "hcaObjects", d.HcaObjects)
			w.End()
		}
		w.End()
	}
	if len(l.Unified) > 0 {
		w.Key("unified").TextMap(l.Unified)
	}
	w.End()
	return w.Bytes()
}

func encodeCPU(w *jsontext.Writer, c *specs.LinuxCPU) {
	w.Object()
	putUint(w, "shares", c.Shares)
	putInt(w, "quota", c.Quota)
	putUint(w, "burst", c.Burst)
	putUint(w, "period", c.Period)
	if c.Cpus != "" {
		w.Key("cpus").Text(c.Cpus)
	}
	if c.Mems != "" {
		w.Key("mems").Text(c.Mems)
	}
	putInt(w, "idle", c.Idle)
	w.End()
}

func encodeBlockIO(w *jsontext.Writer, b *specs.LinuxBlockIO) {
	w.Object()
	putUint(w, "weight", b.Weight)
	putList(w, "weightDevice", b.WeightDevice, func(d *specs.LinuxWeightDevice) {
		w.Key("major").Int(d.Major)
		w.Key("minor").Int(d.Minor)
		putUint(w, "weight", d.Weight)
	})
	rates := func(key string, list []specs.LinuxThrottleDevice) {
		putList(w, key, list, func(d *specs.LinuxThrottleDevice) {
			w.Key("major").Int(d.Major)
			w.Key("minor").Int(d.Minor)
			w.Key("rate").Uint(d.Rate)
		})
	}
	rates("throttleReadBpsDevice", b.ThrottleReadBpsDevice)
	rates("throttleWriteBpsDevice", b.ThrottleWriteBpsDevice)
	rates("throttleReadIOPSDevice", b.ThrottleReadIOPSDevice)
	rates("throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice)
	w.End()
}

func putInt(w *jsontext.Writer, key string, n *int64) {
	if n != nil {
		w.Key(key).Int(*n)
	}
}

func putUint[T uint16 | uint32 | uint64](w *jsontext.Writer, key string, n *T) {
	if n != nil {
		w.Key(key).Uint(uint64(*n))
	}
}

// putList writes a list of objects, each field by field; an empty list not at all.
func putList[T any](w *jsontext.Writer, key string, list []T, fields func(*T)) {
	if len(list) == 0 {
		return
	}
	w.Key(key).Array()
	for i := range list {
		w.Object()
		fields(&list[i])
		w.End()
	}
	w.End()
}
