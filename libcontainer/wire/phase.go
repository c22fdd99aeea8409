package wire

import (
	"encoding/binary"
	"io"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// AppendPhase appends the payload of a Phase message: the phase, and the ids of
// the mounts that were changed in a container that exists.
func AppendPhase(b []byte, phase plan.Phase, mounts []uint64) []byte {
	b = append(b, byte(phase))
	for _, id := range mounts {
		b = binary.LittleEndian.AppendUint64(b, id)
	}
	return b
}

// DecodePhase reads what AppendPhase wrote.
func DecodePhase(b []byte) (phase plan.Phase, mounts []uint64, err error) {
	if len(b) == 0 || len(b)%8 != 1 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	phase, b = plan.Phase(b[0]), b[1:]
	for ; len(b) > 0; b = b[8:] {
		mounts = append(mounts, binary.LittleEndian.Uint64(b))
	}
	return phase, mounts, nil
}
