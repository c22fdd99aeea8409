package specconv

import (
	"strings"
	"testing"
)

// TestVersion1: limits that only cgroup v1 has are refused by name, those that
// every engine used to write are told of, and what is no limit is neither.
func TestVersion1(t *testing.T) {
	config := func(resources string) string { return `{"linux": {"resources": ` + resources + `}}` }
	for _, c := range []struct{ resources, field, text string }{
		{`{"cpu": {"realtimePeriod": 1000}}`, "cpu.realtimePeriod", "1000, but cgroup v2 has no such limit"},
		{`{"cpu": {"realtimeRuntime": 7}}`, "cpu.realtimeRuntime", "7, but"},
		{`{"memory": {"swappiness": 60}}`, "memory.swappiness", "60, but"},
		{`{"network": {"classID": 1}}`, "network.classID", "1, but"},
		{`{"network": {"priorities": [{"name": "lo", "priority": 0}, {"name": "eth0", "priority": 5}]}}`, "network.priorities[1].priority", "5, but"},
		{`{"blockIO": {"leafWeight": 10}}`, "blockIO.leafWeight", "10, but"},
		{`{"blockIO": {"weightDevice": [{"major": 8, "leafWeight": 10}]}}`, "blockIO.weightDevice[0].leafWeight", "10, but"},
	} {
		for _, systemd := range []bool{false, true} {
			opts := testOptions
			opts.SystemdCgroup = systemd
			refused(t, decode(t, config(c.resources)), goldenHost, opts, "linux.resources."+c.field, c.text)
		}
	}
	for resources, told := range map[string]string{
		`{"memory": {"kernel": 5, "kernelTCP": 6, "disableOOMKiller": true}}`: "memory.kernel memory.kernelTCP memory.disableOOMKiller",
		`{"memory": {"kernel": -1, "kernelTCP": 0, "swappiness": 0, "disableOOMKiller": false, "useHierarchy": true},
			"cpu": {"realtimePeriod": 0, "realtimeRuntime": -1}, "blockIO": {"leafWeight": 0},
			"network": {"classID": 0, "priorities": [{"name": "lo", "priority": 0}]}}`: "",
		`{"memory": {"swappiness": 18446744073709551615}, "cpu": {"realtimePeriod": 18446744073709551615}}`: "",
	} {
		_, warnings, err := Plan(decode(t, config(resources)), goldenHost, testOptions)
		var fields []string
		for _, w := range warnings {
			fields = append(fields, strings.TrimPrefix(w.Field, "linux.resources."))
			if w.Must {
				t.Errorf("%s: the specification does not demand %+v", resources, w)
			}
		}
		if err != nil || strings.Join(fields, " ") != told {
			t.Errorf("%s: warnings %+v, error %v", resources, warnings, err)
		}
	}
}
