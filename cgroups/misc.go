package cgroups

import "strings"

// MiscStats is the use of one resource of the misc controller, such as "sev".
type MiscStats struct {
	Name    string
	Current uint64
	Limit   uint64 // Max for none
	Hits    uint64 // how often the limit was hit
}

func (r *reader) miscStats() ([]MiscStats, error) {
	var list []MiscStats
	for _, kv := range r.keyValues("misc.current") {
		list = append(list, MiscStats{Name: kv.Key, Current: kv.Value, Limit: Max})
	}
	if len(list) == 0 {
		return nil, r.err
	}
	limits, events := r.keyValues("misc.max"), r.keyValues("misc.events")
	for i := range list {
		for _, kv := range limits {
			if kv.Key == list[i].Name {
				list[i].Limit = kv.Value
			}
		}
		for _, kv := range events { // "sev.max 3"
			if name, ok := strings.CutSuffix(kv.Key, ".max"); ok && name == list[i].Name {
				list[i].Hits = kv.Value
			}
		}
	}
	return list, r.err
}
