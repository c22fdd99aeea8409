package create

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestOffsets(t *testing.T) {
	got := offsets(map[string]specs.LinuxTimeOffset{"boottime": {Secs: -5, Nanosecs: 7}, "monotonic": {Secs: 9}})
	if want := "monotonic 9 0\nboottime -5 7\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := offsets(nil); got != nil {
		t.Errorf("got %q", got)
	}
}
