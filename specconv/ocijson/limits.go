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
	putLinuxResources(w, l)
	return w.Bytes()
}

// What follows is called by the generated encoder. What is nil or empty is not written.

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

func putList[T any](w *jsontext.Writer, key string, list []T, put func(*jsontext.Writer, *T)) {
	if len(list) == 0 {
		return
	}
	w.Key(key).Array()
	for i := range list {
		put(w, &list[i])
	}
	w.End()
}

// putMap writes keys in byte order.
func putMap[T any](w *jsontext.Writer, key string, m map[string]T, put func(*jsontext.Writer, *T)) {
	if len(m) == 0 {
		return
	}
	w.Key(key).Object()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		w.Key(name)
		v := m[name]
		put(w, &v)
	}
	w.End()
}
