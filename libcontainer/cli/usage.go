package cli

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// ticksPerSecond is USER_HZ, in which /proc/PID/stat counts: the same on every
// architecture of Linux that Go has.
const ticksPerSecond = 100

// printProcesses writes what each process uses. One that has ended meanwhile is left out.
func (inv *invocation) printProcesses(pids []int, format string) error {
	type process struct {
		pid int
		proc.Stat
	}
	var list []process
	for _, pid := range pids {
		if st, err := state.ReadStat(pid); err == nil && st.State != 0 {
			list = append(list, process{pid, st})
		}
	}
	page := uint64(os.Getpagesize())
	if format == "json" {
		w := jsontext.NewWriter("")
		w.Array()
		for _, p := range list {
			w.Object()
			w.Key("pid").Int(int64(p.pid))
			w.Key("state").Text(string(p.State))
			w.Key("threads").Int(int64(p.Threads))
			w.Key("cpuMilliseconds").Uint(p.CPU * 1000 / ticksPerSecond)
			w.Key("memory").Uint(p.Pages * page)
			w.Key("command").Text(p.Name)
			w.End()
		}
		w.End()
		return inv.printJSON(append(w.Bytes(), '\n'))
	}
	rows := [][]string{{"PID", "STATE", "THREADS", "CPU", "MEMORY", "COMMAND"}}
	for _, p := range list {
		rows = append(rows, []string{strconv.Itoa(p.pid), string(p.State), strconv.Itoa(p.Threads),
			secondsText(time.Duration(p.CPU) * time.Second / ticksPerSecond), sizeText(p.Pages * page), p.Name})
	}
	return inv.print(columns(rows, 0, 2))
}

// usage is what a container uses; what is not measured is negative.
type usage struct {
	cpu    time.Duration
	memory int64 // bytes
	pids   int64
}

func usageOf(container *libcontainer.Container) usage {
	u := usage{-time.Second, -1, -1}
	s, err := container.Stats()
	if err != nil {
		return u // stopped, or without a cgroup
	}
	if s.CPU != nil {
		u.cpu = time.Duration(s.CPU.Usage) * time.Microsecond
	}
	if s.Memory != nil {
		u.memory = int64(s.Memory.Usage)
	}
	if s.Stats.Pids != nil {
		u.pids = int64(s.Stats.Pids.Current)
	}
	return u
}

var sortKeys = []string{"id", "age", "cpu", "memory", "pids"}

// sortBy sorts containers: the largest, and the youngest, first; by id in ascending order.
func sortBy(list []*status, key string) {
	slices.SortStableFunc(list, func(a, b *status) int {
		switch key {
		case "age":
			return b.created.Compare(a.created)
		case "cpu":
			return cmp.Compare(b.usage.cpu, a.usage.cpu)
		case "memory":
			return cmp.Compare(b.usage.memory, a.usage.memory)
		case "pids":
			return cmp.Compare(b.usage.pids, a.usage.pids)
		}
		return cmp.Compare(a.id, b.id)
	})
}

func usageTable(list []*status, now time.Time) string {
	rows := [][]string{{"ID", "PID", "STATUS", "AGE", "CPU", "MEMORY", "PIDS", "BUNDLE"}}
	for _, s := range list {
		cpu, memory, pids := "-", "-", "-"
		if s.usage.cpu >= 0 {
			cpu = secondsText(s.usage.cpu)
		}
		if s.usage.memory >= 0 {
			memory = sizeText(uint64(s.usage.memory))
		}
		if s.usage.pids >= 0 {
			pids = strconv.FormatInt(s.usage.pids, 10)
		}
		rows = append(rows, []string{s.id, strconv.Itoa(s.pid), s.word, ageText(now.Sub(s.created)), cpu, memory, pids, s.bundle})
	}
	return columns(rows, 0, 2)
}

func secondsText(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }

// sizeText is a number of bytes as a size for people, in powers of 1024.
func sizeText(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + "B"
	}
	size, unit := float64(n)/1024, 0
	for ; size >= 1024 && unit < 4; unit++ {
		size /= 1024
	}
	return fmt.Sprintf("%.1f%ciB", size, "KMGTP"[unit])
}

// ageText is a time in its largest unit.
func ageText(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d >= 2*time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	}
	return strconv.Itoa(max(0, int(d/time.Second))) + "s"
}
