package wire

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Progress is a number in memory that init shares with its parent until it is ready, and
// the process that exec's init clones until it executes. It holds the number of the step
// under way, from 1, so that the parent knows it even of one that was killed. It is as
// much to be believed as they are.
type Progress struct{ fd int }

// ProgressSize is how many bytes that is.
const ProgressSize = 4

// NewProgress makes one without a step. nil if there is no memory for it: then
// nothing is known.
func NewProgress() *Progress {
	fd, err := unix.MemfdCreate("crun-go:step", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("crun-go:step", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil
	}
	p := &Progress{fd}
	// So the memory is charged to the runtime, and not to a container that has little.
	if n, err := retry.Write(fd, make([]byte, ProgressSize)); err != nil || n != ProgressSize {
		p.Close()
		return nil
	}
	return p
}

// FD is what init maps.
func (p *Progress) FD() int { return p.fd }

// Step returns the index of the step that init is, or was, at; -1: not known.
func (p *Progress) Step() int {
	if p == nil {
		return -1
	}
	var word [ProgressSize]byte
	if n, err := retry.Pread(p.fd, word[:], 0); err != nil || n != len(word) {
		return -1
	}
	return int(binary.NativeEndian.Uint32(word[:])) - 1
}

// Close releases it.
func (p *Progress) Close() {
	if p != nil {
		unix.Close(p.fd)
	}
}
