package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// A result is one comparison. Times are milliseconds.
type result struct {
	Machine  string    `json:"machine"`
	Started  time.Time `json:"started"`
	Base     string    `json:"base"`
	Contests []contest `json:"contests"`
	Memory   []memory  `json:"memory,omitempty"`
}

// A contest is one operation, done by every peer in turn.
type contest struct {
	Operation string    `json:"operation"`
	Together  int       `json:"together,omitempty"` // so many at a time; times are per container
	Alive     int       `json:"alive,omitempty"`    // so many containers were there
	Mounts    int       `json:"mounts,omitempty"`   // so many more were on the host
	Peers     []summary `json:"peers"`
}

// A summary is what one peer's series comes to.
type summary struct {
	Name   string  `json:"name"`
	Runs   int     `json:"runs"`
	Median float64 `json:"median_ms"`
	Min    float64 `json:"min_ms"`
	P10    float64 `json:"p10_ms"`
	P90    float64 `json:"p90_ms"`
	CPU    float64 `json:"cpu_median_ms"`

	// Shares of the base's values; zero when the base was not measured.
	Ratio    float64 `json:"ratio_median,omitempty"`
	RatioMin float64 `json:"ratio_min,omitempty"`
	RatioCPU float64 `json:"ratio_cpu,omitempty"`
}

func summarise(p *peer, series []sample) summary {
	var wall, cpu []float64
	for _, one := range series {
		wall = append(wall, one.wall.Seconds()*1000)
		cpu = append(cpu, one.cpu.Seconds()*1000)
	}
	return summary{
		Name: p.Name, Runs: len(series),
		Median: quantile(wall, 0.5), Min: quantile(wall, 0), P10: quantile(wall, 0.1), P90: quantile(wall, 0.9),
		CPU: quantile(cpu, 0.5),
	}
}

func (b *bench) add(held []contest) { b.result.Contests = append(b.result.Contests, held...) }

// of returns a peer's summary, nil if it has none.
func (c *contest) of(name string) *summary {
	i := slices.IndexFunc(c.Peers, func(s summary) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Peers[i]
}

// title names a contest in a line.
func (c *contest) title() string {
	switch {
	case c.Together > 0:
		return fmt.Sprintf("%s, %d at a time", c.Operation, c.Together)
	case c.Mounts > 1:
		return fmt.Sprintf("%s, %d host mounts", c.Operation, c.Mounts)
	case c.Mounts > 0:
		return fmt.Sprintf("%s, %d host mount", c.Operation, c.Mounts)
	case c.Alive > 1:
		return fmt.Sprintf("%s, %d alive", c.Operation, c.Alive)
	}
	return c.Operation
}

// relate fills in the ratios to the base.
func (r *result) relate() {
	for i := range r.Contests {
		c := &r.Contests[i]
		base := c.of(r.Base)
		if base == nil {
			continue
		}
		by := *base
		for k := range c.Peers {
			s := &c.Peers[k]
			s.Ratio, s.RatioMin, s.RatioCPU = s.Median/by.Median, s.Min/by.Min, s.CPU/by.CPU
		}
	}
}

func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "%s; ms, × = share of %s's\n", r.Machine, r.Base)
	fmt.Fprintf(w, "%-22s %-10s %5s %8s %8s %8s %8s %8s | %6s %6s %6s\n",
		"", "", "runs", "median", "min", "p10", "p90", "cpu", "×med", "×min", "×cpu")
	for _, c := range r.Contests {
		title := c.title()
		for _, s := range c.Peers {
			fmt.Fprintf(w, "%-22s %-10s %5d %8.2f %8.2f %8.2f %8.2f %8.2f | %6.2f %6.2f %6.2f\n",
				title, s.Name, s.Runs, s.Median, s.Min, s.P10, s.P90, s.CPU, s.Ratio, s.RatioMin, s.RatioCPU)
			title = ""
		}
	}
	if r.Memory != nil {
		fmt.Fprintf(w, "\n%-22s %-10s %8s %8s\n", "memory, MiB", "", "peak", "waiting")
	}
	for _, m := range r.Memory {
		fmt.Fprintf(w, "%-22s %-10s %8.1f %8.1f\n", "", m.Name, float64(m.Peak)/1024, float64(m.Waiting)/1024)
	}
}

// quantile returns the q-th quantile of v by linear interpolation, NaN when v
// is empty. It sorts v.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	at := q * float64(len(v)-1)
	low := int(at)
	if low == len(v)-1 {
		return v[low]
	}
	part := at - float64(low)
	return v[low]*(1-part) + v[low+1]*part
}
