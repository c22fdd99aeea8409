package ocijson

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The oracle: encoding/json, of everything but what is left out on purpose. A new limit of the specification fails here.
func TestEncodeLimits(t *testing.T) {
	counter := 0
	full := new(specs.LinuxResources)
	fill(t, reflect.ValueOf(full).Elem(), &counter)
	full.Devices, full.Network = nil, nil
	full.Memory = &specs.LinuxMemory{Limit: full.Memory.Limit, Reservation: full.Memory.Reservation, Swap: full.Memory.Swap}
	full.CPU.RealtimePeriod, full.CPU.RealtimeRuntime = nil, nil
	full.BlockIO.LeafWeight = nil
	for i := range full.BlockIO.WeightDevice {
		full.BlockIO.WeightDevice[i].LeafWeight = nil
	}
	zero := uint64(0)
	for _, l := range []*specs.LinuxResources{full, {}, {CPU: &specs.LinuxCPU{Burst: &zero}}, {Memory: &specs.LinuxMemory{}}} {
		want, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		got := EncodeLimits(l)
		if string(got) != string(want) {
			t.Errorf("encoded\n%s\nwant\n%s", got, want)
		}
		back, err := Resources("", got)
		if err != nil || !reflect.DeepEqual(back, l) {
			t.Errorf("%s decodes to %s, %v", got, dump(back), err)
		}
	}
}
