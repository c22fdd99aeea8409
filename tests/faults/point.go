package main

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A point is one system call of a command. Threads of one process interleave as
// they like, so calls are distinguished by their objects, and only those with the same
// object are counted.
type point struct {
	Role  string // runtime, init1 its first child, init1* what that executes, init1*.1 the first child of this
	Call  string
	Class string // see call.class
	N     int    // the N-th of these, from 1 on
}

func (p point) String() string {
	return strings.Join([]string{p.Role, p.Call, p.Class, strconv.Itoa(p.N)}, "\t")
}

// What differs from run to run: ids of processes and of kernel objects, and the
// random parts of names.
var varying = regexp.MustCompile(`[0-9]{2,}|(tmp|runc\.|\.)[A-Za-z0-9]*[0-9][A-Za-z0-9]*\b`)

// stable makes of a path, or of what else a call is about, one that is the same
// in every run.
func stable(replace *strings.Replacer) func(string) string {
	return func(s string) string {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '.'
			}
			return r
		}, replace.Replace(s))
		s = varying.ReplaceAllStringFunc(s, func(found string) string {
			if found[0] >= '0' && found[0] <= '9' {
				return "N"
			}
			return "TMP"
		})
		return s[:min(len(s), 100)]
	}
}

// kept are the points at which runs agree: they are in most of them.
func kept(runs [][]point) []point {
	times := map[point]int{}
	var all []point
	for _, run := range runs {
		for _, p := range run {
			if times[p]++; times[p] == len(runs)/2+1 {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b point) int {
		return cmp.Or(strings.Compare(a.Role, b.Role), strings.Compare(a.Call, b.Call), strings.Compare(a.Class, b.Class), a.N-b.N)
	})
	return all
}
