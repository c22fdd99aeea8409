package resctrl

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestStats(t *testing.T) {
	r := fake(t)
	g := r.Group("gold")
	systest.MustDo(t, r.Make(g))
	systest.MustDo(t, r.Make(g.Monitor("c1")))
	put := func(path, text string) {
		systest.MustDo(t, os.MkdirAll(filepath.Dir(path), 0o755))
		systest.MustDo(t, os.WriteFile(path, []byte(text), 0o644))
	}
	empty, err := r.Stats(g.Dir, "")
	if want := (&Stats{Default: []string{"MB:0=100;1=100", "L3:0=7ff;1=7ff"}, Schemata: []string{"MB:0=100;1=100", "L3:0=7ff;1=7ff"}}); err != nil || !reflect.DeepEqual(empty, want) {
		t.Errorf("%+v, %v, want %+v", empty, err, want)
	}
	for file, text := range map[string]string{
		"L3/cbm_mask": "7ff\n", "L3/min_cbm_bits": "2\n", "L3/num_closids": "16\n",
		"MB/bandwidth_gran": "10\n", "MB/delay_linear": "1\n", "MB/min_bandwidth": "20\n", "MB/num_closids": "8\n",
	} {
		put(r.Path+"/info/"+file, text)
	}
	put(g.Dir+"/schemata", "    MB:0=50;1=50\n    L3:0=f;1=f\n")
	put(g.Dir+"/mon_data/mon_L3_00/llc_occupancy", "100\n")
	for file, text := range map[string]string{
		"00/llc_occupancy": "1\n", "00/mbm_total_bytes": "2\n", "00/mbm_local_bytes": "Unavailable\n",
		"01/llc_occupancy": "3\n", "01/mbm_total_bytes": "4\n", "01/mbm_local_bytes": "5\n",
	} {
		put(g.Monitor("c1").Dir+"/mon_data/mon_L3_"+file, text)
	}
	got, err := r.Stats(g.Dir, g.Monitor("c1").Dir)
	want := &Stats{
		L3: &CacheInfo{"7ff", 2, 16}, MB: &BandwidthInfo{10, 1, 20, 8},
		Default: empty.Default, Schemata: []string{"MB:0=50;1=50", "L3:0=f;1=f"},
		Monitors: []Monitor{{1, 2, 0}, {3, 4, 5}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if got, err := r.Stats(g.Dir, ""); err != nil || len(got.Monitors) != 1 || got.Monitors[0].Occupancy != 100 {
		t.Errorf("the class's own: %+v, %v", got, err)
	}
	if _, err := r.Stats(r.Path+"/none", ""); err == nil {
		t.Error("no error for a class that is not there")
	}
}
