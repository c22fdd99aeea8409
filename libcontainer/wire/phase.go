package wire

import (
	"io"

	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// DecodePhase reads the payload of a Phase message: the phase, and the ids of the
// mounts that were changed in a container that exists.
func DecodePhase(b []byte) (phase plan.Phase, mounts []uint64, err error) {
	all := codec.Values[uint64](b)
	if len(all) == 0 || len(b)%8 != 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return plan.Phase(all[0]), all[1:], nil
}
