package wire

import (
	"encoding/binary"
	"io"
)

// Opening stands before the plan in a Plan frame: what the descriptors beside
// it are.
type Opening struct {
	Trees       []bool // slots of the plan; false: nothing could be opened
	Fifo        bool   // the last descriptor is the exec fifo
	Trace       bool   // tell when each step began and ended
	PreserveFDs int    // descriptors 3, 4, … that the container inherits
}

// Append appends the binary form.
func (o *Opening) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(o.PreserveFDs))
	b = appendBool(b, o.Fifo)
	b = appendBool(b, o.Trace)
	b = binary.AppendUvarint(b, uint64(len(o.Trees)))
	for _, there := range o.Trees {
		b = appendBool(b, there)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// DecodeOpening reads what Append wrote and returns the rest.
func DecodeOpening(b []byte) (o Opening, rest []byte, err error) {
	preserve, n := binary.Uvarint(b)
	if n <= 0 || len(b) < n+2 {
		return o, nil, io.ErrUnexpectedEOF
	}
	o.PreserveFDs, o.Fifo, o.Trace = int(preserve), b[n] == 1, b[n+1] == 1
	b = b[n+2:]
	trees, n := binary.Uvarint(b)
	if n <= 0 || trees > uint64(len(b)-n) {
		return o, nil, io.ErrUnexpectedEOF
	}
	b = b[n:]
	o.Trees = make([]bool, trees)
	for i := range o.Trees {
		o.Trees[i] = b[i] == 1
	}
	return o, b[trees:], nil
}

// Slots spreads received descriptors over the slots; -1 where there is none.
func (o *Opening) Slots(fds []int) (trees []int, fifo int, err error) {
	trees, fifo = make([]int, len(o.Trees)), -1
	for i, there := range o.Trees {
		trees[i] = -1
		if !there {
			continue
		}
		if len(fds) == 0 {
			return nil, -1, io.ErrUnexpectedEOF
		}
		trees[i], fds = fds[0], fds[1:]
	}
	if o.Fifo {
		if len(fds) == 0 {
			return nil, -1, io.ErrUnexpectedEOF
		}
		fifo = fds[0]
	}
	return trees, fifo, nil
}
