package libcontainer

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/ocijson"
)

func limits(t *testing.T, text string) *specs.LinuxResources {
	t.Helper()
	r, err := ocijson.Resources("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each row is limits that hold, those that are given, what holds then, and what
// is written of it; "" if that is what was given.
func TestOverlay(t *testing.T) {
	for _, test := range []struct{ old, given, sum, written string }{
		{`{}`, `{}`, `{}`, ""},
		// Docker, when a restart policy changes.
		{`{"memory":{"limit":5},"cpu":{"shares":7}}`,
			`{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0},"pids":{"limit":0}}`,
			`{"memory":{"limit":5},"cpu":{"shares":7}}`,
			`{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"period":0},"pids":{"limit":0},"blockIO":{"weight":0}}`},
		{`{}`, `{"devices":[{"allow":false}],"network":{"classID":1},"memory":{"kernel":1,"swappiness":5,"checkBeforeUpdate":true},"cpu":{"realtimePeriod":5},"blockIO":{"leafWeight":10}}`,
			`{}`, `{"memory":{},"cpu":{},"blockIO":{}}`},

		// Swap is what the sum leaves.
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200,"swap":300}}`, `{"memory":{"limit":200,"swap":300}}`},
		{`{"memory":{"limit":100,"swap":-1}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200,"swap":-1}}`, `{"memory":{"limit":200,"swap":-1}}`},
		{`{"memory":{"limit":100}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200}}`, ""},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"swap":400}}`, `{"memory":{"limit":100,"swap":400}}`, ""},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"limit":-1}}`, `{"memory":{"limit":-1,"swap":-1}}`, ""},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"reservation":50}}`, `{"memory":{"limit":100,"reservation":50,"swap":300}}`, ""},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"limit":0,"reservation":50}}`, `{"memory":{"limit":100,"reservation":50,"swap":300}}`,
			`{"memory":{"limit":0,"reservation":50}}`},

		// One of quota and period keeps the other; the kernel's file has both.
		{`{"cpu":{"quota":100,"period":200}}`, `{"cpu":{"quota":50}}`, `{"cpu":{"quota":50,"period":200}}`, ""},
		{`{"cpu":{"quota":100,"period":200}}`, `{"cpu":{"period":50}}`, `{"cpu":{"quota":100,"period":50}}`, ""},
		{`{"cpu":{"quota":100,"burst":5}}`, `{"cpu":{"quota":-1,"burst":0}}`, `{"cpu":{"quota":-1,"burst":0}}`, ""},
		{`{"cpu":{"cpus":"0","mems":"0"}}`, `{"cpu":{"cpus":"1-2"}}`, `{"cpu":{"cpus":"1-2","mems":"0"}}`, ""},

		// Idle and weight exclude each other.
		{`{"cpu":{"shares":512}}`, `{"cpu":{"idle":1}}`, `{"cpu":{"shares":512,"idle":1}}`, ""},
		{`{"cpu":{"shares":512,"idle":1}}`, `{"cpu":{"idle":0}}`, `{"cpu":{"shares":512,"idle":0}}`, `{"cpu":{"shares":512,"idle":0}}`},
		{`{"cpu":{"shares":512,"idle":1}}`, `{"cpu":{"shares":7}}`, `{"cpu":{"shares":7,"idle":1}}`, `{"cpu":{"shares":7,"idle":1}}`},
		{`{"cpu":{"shares":512,"idle":1}}`, `{"cpu":{"shares":7,"idle":0}}`, `{"cpu":{"shares":7,"idle":0}}`, ""},
		{`{}`, `{"cpu":{"idle":0}}`, `{"cpu":{"idle":0}}`, ""},

		{`{"pids":{"limit":5}}`, `{"pids":{"limit":-1}}`, `{"pids":{"limit":-1}}`, ""},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":5},{"pageSize":"1GB","limit":6}]}`, `{"hugepageLimits":[{"pageSize":"1GB","limit":0},{"pageSize":"64KB","limit":7}]}`,
			`{"hugepageLimits":[{"pageSize":"2MB","limit":5},{"pageSize":"1GB","limit":0},{"pageSize":"64KB","limit":7}]}`, ""},
		{`{"rdma":{"a":{"hcaHandles":1},"b":{"hcaObjects":2}}}`, `{"rdma":{"b":{"hcaHandles":3}}}`, `{"rdma":{"a":{"hcaHandles":1},"b":{"hcaHandles":3}}}`, ""},
		{`{"unified":{"memory.high":"1"}}`, `{"unified":{"memory.min":"2","memory.high":"3"}}`, `{"unified":{"memory.high":"3","memory.min":"2"}}`, ""},
		{`{"blockIO":{"weight":10,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1},{"major":8,"minor":16,"rate":2}]}}`,
			`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":3}],"throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":4}]}}`,
			`{"blockIO":{"weight":10,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":3},{"major":8,"minor":16,"rate":2}],"throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":4}]}}`, ""},
	} {
		old, given := limits(t, test.old), limits(t, test.given)
		sum := overlay(old, given)
		if got := string(ocijson.EncodeLimits(sum)); got != test.sum {
			t.Errorf("%s over %s:\n got %s\nwant %s", test.given, test.old, got, test.sum)
		}
		want := test.written
		if want == "" {
			want = string(ocijson.EncodeLimits(given))
		}
		if got := string(ocijson.EncodeLimits(addImplied(given, sum))); got != want {
			t.Errorf("%s over %s: written\n got %s\nwant %s", test.given, test.old, got, want)
		}
		if got := string(ocijson.EncodeLimits(old)); got != string(ocijson.EncodeLimits(limits(t, test.old))) {
			t.Errorf("%s over %s: changed what was there to %s", test.given, test.old, got)
		}
	}
}

// What systemd has to know together: it is told both, if one is given.
func TestCompletedForUnit(t *testing.T) {
	for _, test := range []struct{ old, given, told string }{
		{`{"cpu":{"quota":100,"period":200}}`, `{"cpu":{"quota":50}}`, `{"cpu":{"quota":50,"period":200}}`},
		{`{"cpu":{"quota":100,"period":200}}`, `{"cpu":{"period":50}}`, `{"cpu":{"quota":100,"period":50}}`},
		{`{"cpu":{"quota":100,"period":200}}`, `{"cpu":{"shares":50}}`, `{"cpu":{"shares":50}}`},
		{`{"cpu":{"period":200}}`, `{"cpu":{"quota":-1}}`, `{"cpu":{"quota":-1,"period":200}}`},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"swap":400}}`, `{"memory":{"limit":100,"swap":400}}`},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200,"swap":300}}`},
		{`{"memory":{"limit":100,"swap":300}}`, `{"memory":{"reservation":20}}`, `{"memory":{"reservation":20}}`},
		{`{}`, `{"memory":{"swap":400}}`, `{"memory":{"swap":400}}`},
	} {
		given := limits(t, test.given)
		told := addImpliedForUnit(given, overlay(limits(t, test.old), given))
		if got := string(ocijson.EncodeLimits(told)); got != test.told {
			t.Errorf("%s over %s:\n got %s\nwant %s", test.given, test.old, got, test.told)
		}
	}
}
