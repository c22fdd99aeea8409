package libcontainer

import (
	"os"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
)

// TestFormerCreated: only an init of this version says by its name whether it waits for start.
func TestFormerCreated(t *testing.T) {
	init, err := state.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for kept, want := range map[bool]specs.ContainerState{false: specs.StateCreated, true: specs.StateRunning} {
		dir, err := state.Create(t.TempDir(), "x")
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		if err := dir.MakeFifo(); err != nil {
			t.Fatal(err)
		}
		if err := dir.PublishFifo(); err != nil {
			t.Fatal(err)
		}
		c := Of(resource.Of(dir, &state.State{Kept: kept, Status: specs.StateCreated, Init: init}))
		if got, _, err := c.Status(); err != nil || got != want {
			t.Errorf("what was made is kept: %t: status %q, %v, want %q", kept, got, err, want)
		}
	}
}
