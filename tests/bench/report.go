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
	Together int       `json:"together,omitempty"`
	Peers    []summary `json:"peers"`
}

// A summary is what one peer's series comes to.
type summary struct {
	Name     string  `json:"name"`
	Path     string  `json:"path"`
	Runs     int     `json:"runs"`
	Median   float64 `json:"median_ms"`
	Min      float64 `json:"min_ms"`
	P10      float64 `json:"p10_ms"`
	P90      float64 `json:"p90_ms"`
	CPU      float64 `json:"cpu_median_ms"`
	CPUMin   float64 `json:"cpu_min_ms"`
	PeakKiB  int     `json:"peak_kib"`
	Parallel float64 `json:"parallel_ms,omitempty"`

	// Shares of the base's values; zero when the base was not measured.
	Ratio         float64 `json:"ratio_median,omitempty"`
	RatioMin      float64 `json:"ratio_min,omitempty"`
	RatioCPU      float64 `json:"ratio_cpu,omitempty"`
	RatioParallel float64 `json:"ratio_parallel,omitempty"`
}

func (s samples) summary(p *peer) summary {
	var wall, cpu []float64
	for _, one := range s {
		wall = append(wall, one.wall.Seconds()*1000)
		cpu = append(cpu, one.cpu.Seconds()*1000)
	}
	return summary{
		Name: p.Name, Path: p.Path, Runs: len(s),
		Median: quantile(wall, 0.5), Min: quantile(wall, 0), P10: quantile(wall, 0.1), P90: quantile(wall, 0.9),
		CPU: quantile(cpu, 0.5), CPUMin: quantile(cpu, 0),
	}
}

// relate fills in the ratios to the base.
func (r *result) relate() {
	i := slices.IndexFunc(r.Peers, func(s summary) bool { return s.Name == r.Base })
	if i < 0 {
		return
	}
	base := r.Peers[i]
	for i := range r.Peers {
		s := &r.Peers[i]
		s.Ratio, s.RatioMin, s.RatioCPU = s.Median/base.Median, s.Min/base.Min, s.CPU/base.CPU
		if base.Parallel > 0 {
			s.RatioParallel = s.Parallel / base.Parallel
		}
	}
}

func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "%s; run of Docker's default bundle, ms; × = share of %s\n", r.Machine, r.Base)
	fmt.Fprintf(w, "%-12s %5s %8s %8s %8s %8s %8s %8s | %6s %6s %6s\n",
		"runtime", "runs", "median", "min", "p10", "p90", "cpu", "peak MiB", "×med", "×min", "×cpu")
	for _, s := range r.Peers {
		fmt.Fprintf(w, "%-12s %5d %8.2f %8.2f %8.2f %8.2f %8.2f %8.1f | %6.2f %6.2f %6.2f\n",
			s.Name, s.Runs, s.Median, s.Min, s.P10, s.P90, s.CPU, float64(s.PeakKiB)/1024, s.Ratio, s.RatioMin, s.RatioCPU)
	}
	if r.Together == 0 {
		return
	}
	fmt.Fprintf(w, "\n%d at a time, ms per container\n", r.Together)
	for _, s := range r.Peers {
		fmt.Fprintf(w, "%-12s %8.2f  × %.2f\n", s.Name, s.Parallel, s.RatioParallel)
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
