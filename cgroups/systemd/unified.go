package systemd

import (
	"strconv"
	"strings"
)

// unified adds those of the kernel's files that systemd writes, too.
func (p *properties) unified(files map[string]string) error {
	for _, f := range [...]struct{ file, name string }{
		{"memory.min", "MemoryMin"},
		{"memory.low", "MemoryLow"},
		{"memory.high", "MemoryHigh"},
		{"memory.max", "MemoryMax"},
		{"memory.swap.max", "MemorySwapMax"},
		{"memory.zswap.max", "MemoryZSwapMax"},
	} {
		if n, ok := limitText(files[f.file]); ok {
			p.add(f.name, n)
		}
	}
	p.switches(files)
	p.weights(files)
	p.unifiedBandwidth(files["cpu.max"])
	p.unifiedIO(files)
	if err := p.set("AllowedCPUs", "unified.cpuset.cpus", files["cpuset.cpus"]); err != nil {
		return err
	}
	return p.set("AllowedMemoryNodes", "unified.cpuset.mems", files["cpuset.mems"])
}

// switches adds files that hold 0 or 1.
func (p *properties) switches(files map[string]string) {
	if n, ok := limitText(files["memory.zswap.writeback"]); ok && n <= 1 {
		p.add("MemoryZSwapWriteback", n == 1)
	}
	switch n, ok := limitText(files["memory.oom.group"]); {
	case !ok || n > 1:
	case n == 1:
		p.add("OOMPolicy", "kill") // all of them: systemd.scope(5)
	default:
		p.add("OOMPolicy", "continue")
	}
}

// weights adds the three files that say the same of the CPU. They are written in
// the order of their names, and the last one holds.
func (p *properties) weights(files map[string]string) {
	idle, isIdle := limitText(files["cpu.idle"])
	if isIdle && idle == 1 {
		p.add("CPUWeight", uint64(0)) // idle, since systemd 252; the kernel takes no weight then
		return
	}
	if n, ok := limitText(files["cpu.weight"]); ok {
		p.add("CPUWeight", n)
	}
	nice, err := strconv.Atoi(strings.TrimSpace(files["cpu.weight.nice"]))
	if err == nil && nice >= -20 && nice <= 19 {
		p.add("CPUWeight", (niceWeights[nice+20]*100+512)/1024)
	}
}

// niceWeights are the kernel's, of nice -20 to 19 (sched_prio_to_weight in
// kernel/sched/core.c): each step is a tenth of the CPU.
var niceWeights = [40]uint64{
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
	1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
	110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
}

// unifiedBandwidth adds a cpu.max: "QUOTA PERIOD", or a quota alone.
func (p *properties) unifiedBandwidth(text string) {
	quota, period, both := strings.Cut(strings.TrimSpace(text), " ")
	q, ok := limitText(quota)
	n, okPeriod := limitText(period)
	switch {
	case !ok, both && !okPeriod: // nothing, or the kernel will say what is wrong
	case q == Infinity:
		p.bandwidth(-1, n)
	default:
		p.bandwidth(int64(min(q, 1<<62)), n)
	}
}

// unifiedIO adds the lines of io.max, which begin with a device, and those of the
// weights, which do so or are for all devices.
func (p *properties) unifiedIO(files map[string]string) {
	for line := range strings.Lines(files["io.max"]) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		for _, word := range words[1:] {
			key, text, _ := strings.Cut(word, "=")
			if n, ok := limitText(text); ok && ioMax(key) != "" {
				p.device(ioMax(key), "/dev/block/"+words[0], n)
			}
		}
	}
	p.unifiedIOWeight(files["io.weight"], func(w uint64) uint64 { return w })
	p.unifiedIOWeight(files["io.bfq.weight"], weightForBFQ)
}

func (p *properties) unifiedIOWeight(text string, scale func(uint64) uint64) {
	for line := range strings.Lines(text) {
		device, number, isDevice := strings.Cut(strings.TrimSpace(line), " ")
		if !isDevice {
			device, number = "default", device
		}
		n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 64)
		switch {
		case err != nil:
		case device == "default":
			p.add("IOWeight", scale(n))
		default:
			p.device("IODeviceWeight", "/dev/block/"+device, scale(n))
		}
	}
}

// ioMax is the property of a key of io.max; "" if there is none.
func ioMax(key string) string {
	switch key {
	case "rbps":
		return "IOReadBandwidthMax"
	case "wbps":
		return "IOWriteBandwidthMax"
	case "riops":
		return "IOReadIOPSMax"
	case "wiops":
		return "IOWriteIOPSMax"
	}
	return ""
}

// limitText reads a number, or "max".
func limitText(text string) (uint64, bool) {
	if text = strings.TrimSpace(text); text == "max" {
		return Infinity, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}
