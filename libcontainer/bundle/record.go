package bundle

import (
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/state"
)

// Journal is the container's before anything of it is made.
func (b *Bundle) Journal(o *Options) *state.State {
	s := &state.State{
		Container: b.Plan.Container,
		Config:    b.Config,
		Status:    specs.StateCreating,
		Created:   time.Now().UTC(),
		Rootless:  b.Rootless,
		Poststart: b.Plan.Poststart,
		Poststop:  b.Plan.Poststop,

		NoNewKeyring: o.NoNewKeyring,
	}
	if b.Spec.Linux != nil {
		s.Namespaces = b.Spec.Linux.Namespaces
	}
	return s
}

// Kept is what the container is made from, for all that will be done with it later: its
// bundle may be gone then, or have been changed by others, the container
// included.
func (b *Bundle) Kept() *state.Kept {
	k := &state.Kept{Text: b.Text, Aside: b.Aside, Filter: b.Plan.Filter}
	if k.Filter != nil && k.Filter.Notify {
		k.Aside = nil // exec needs the listener's path
	}
	return k
}
