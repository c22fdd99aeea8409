package wire

import (
	"encoding/binary"
	"io"

	"github.com/crun-go/crun-go/libcontainer/plan"
)

// Opening stands before the plan in a Plan frame: what the descriptors beside
// it are.
type Opening struct {
	Trees       []plan.Tree // slots of the plan
	Own         bool        // the descriptor after the trees' is the mount of init's own program
	Fifo        bool        // the last descriptor is the exec fifo
	Trace       bool        // tell when each step began and ended
	SmallPages  bool        // the container gets back the huge pages that init is denied
	PreserveFDs int         // descriptors 3, 4, … that the container inherits
	Holes       []int       // those of them that the caller had not open
}

// Append appends the binary form. Of a descriptor it says only that it is there:
// they travel beside the message, in the order of the slots.
func (o *Opening) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(o.PreserveFDs))
	b = appendBool(b, o.Own)
	b = appendBool(b, o.Fifo)
	b = appendBool(b, o.Trace)
	b = appendBool(b, o.SmallPages)
	b = binary.AppendUvarint(b, uint64(len(o.Holes)))
	for _, fd := range o.Holes {
		b = binary.AppendUvarint(b, uint64(fd))
	}
	return AppendTrees(b, o.Trees)
}

// AppendTrees appends the payload of a Trees frame.
func AppendTrees(b []byte, trees []plan.Tree) []byte {
	b = binary.AppendUvarint(b, uint64(len(trees)))
	for _, t := range trees {
		b = appendBool(b, t.FD >= 0)
		b = appendBool(b, t.Recursive)
		b = appendBool(b, t.NoFollow)
		b = binary.AppendUvarint(b, uint64(len(t.Path)))
		b = append(b, t.Path...)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// DecodeOpening reads what Append wrote and returns the rest. Descriptors that
// are there read 0 until Receive has them.
func DecodeOpening(b []byte) (o Opening, rest []byte, err error) {
	preserve, n := binary.Uvarint(b)
	if n <= 0 || len(b) < n+4 {
		return o, nil, io.ErrUnexpectedEOF
	}
	o.PreserveFDs, o.Own, o.Fifo, o.Trace, o.SmallPages = int(preserve), b[n] == 1, b[n+1] == 1, b[n+2] == 1, b[n+3] == 1
	if o.Holes, b, err = decodeHoles(b[n+4:]); err != nil {
		return o, nil, err
	}
	o.Trees, b, err = DecodeTrees(b)
	return o, b, err
}

// DecodeTrees reads what AppendTrees wrote and returns the rest. Descriptors that are
// there read 0 until ReceiveTrees has them.
func DecodeTrees(b []byte) (trees []plan.Tree, rest []byte, err error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)-n) {
		return nil, nil, io.ErrUnexpectedEOF
	}
	b = b[n:]
	trees = make([]plan.Tree, count)
	for i := range trees {
		if b, err = decodeTree(&trees[i], b); err != nil {
			return nil, nil, err
		}
	}
	return trees, b, nil
}

// FDs lists the descriptors of trees, in the order in which they are sent.
func FDs(trees []plan.Tree) (fds []int) {
	for _, t := range trees {
		if t.FD >= 0 {
			fds = append(fds, t.FD)
		}
	}
	return fds
}

// ReceiveTrees spreads received descriptors over trees and returns the rest.
func ReceiveTrees(trees []plan.Tree, fds []int) (rest []int, err error) {
	for i := range trees {
		if trees[i].FD < 0 {
			continue
		}
		if trees[i].FD, fds = first(fds); trees[i].FD < 0 {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return fds, nil
}

func decodeHoles(b []byte) (holes []int, rest []byte, err error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)-n) {
		return nil, nil, io.ErrUnexpectedEOF
	}
	for b = b[n:]; count > 0; count-- {
		fd, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, nil, io.ErrUnexpectedEOF
		}
		holes, b = append(holes, int(fd)), b[n:]
	}
	return holes, b, nil
}

func decodeTree(t *plan.Tree, b []byte) (rest []byte, err error) {
	if len(b) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	if b[0] != 1 {
		t.FD = -1
	}
	t.Recursive, t.NoFollow = b[1] == 1, b[2] == 1
	size, n := binary.Uvarint(b[3:])
	b = b[3+max(n, 0):]
	if n <= 0 || size > uint64(len(b)) {
		return nil, io.ErrUnexpectedEOF
	}
	t.Path = string(b[:size])
	return b[size:], nil
}

// Receive spreads the received descriptors over the slots and returns the mount
// of init's own program and the fifo, -1 without one.
func (o *Opening) Receive(fds []int) (own, fifo int, err error) {
	if fds, err = ReceiveTrees(o.Trees, fds); err != nil {
		return -1, -1, err
	}
	own, fifo = -1, -1
	if o.Own {
		own, fds = first(fds)
	}
	if o.Fifo {
		fifo, _ = first(fds)
	}
	if o.Own && own < 0 || o.Fifo && fifo < 0 {
		return -1, -1, io.ErrUnexpectedEOF
	}
	return own, fifo, nil
}

// first splits the first descriptor off, -1 if there is none.
func first(fds []int) (int, []int) {
	if len(fds) == 0 {
		return -1, nil
	}
	return fds[0], fds[1:]
}
