package wire

import (
	"encoding/binary"
	"io"
)

// Opening stands before the plan in a Plan frame: what the descriptors beside
// it are.
type Opening struct {
	Trees       []Tree // slots of the plan
	Fifo        bool   // the last descriptor is the exec fifo
	Trace       bool   // tell when each step began and ended
	PreserveFDs int    // descriptors 3, 4, … that the container inherits
}

// Tree is what is in a slot: a descriptor beside the message, or else a path
// that init is to open itself, or nothing.
type Tree struct {
	There     bool
	Path      string
	Recursive bool
	NoFollow  bool // the path's last component must not be a symbolic link
}

// Append appends the binary form.
func (o *Opening) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(o.PreserveFDs))
	b = appendBool(b, o.Fifo)
	b = appendBool(b, o.Trace)
	b = binary.AppendUvarint(b, uint64(len(o.Trees)))
	for _, t := range o.Trees {
		b = appendBool(b, t.There)
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
	o.Trees = make([]Tree, trees)
	for i := range o.Trees {
		if b, err = o.Trees[i].decode(b); err != nil {
			return o, nil, err
		}
	}
	return o, b, nil
}

func (t *Tree) decode(b []byte) (rest []byte, err error) {
	if len(b) < 4 {
		return nil, io.ErrUnexpectedEOF
	}
	t.There, t.Recursive, t.NoFollow = b[0] == 1, b[1] == 1, b[2] == 1
	size, n := binary.Uvarint(b[3:])
	b = b[3+max(n, 0):]
	if n <= 0 || size > uint64(len(b)) {
		return nil, io.ErrUnexpectedEOF
	}
	t.Path = string(b[:size])
	return b[size:], nil
}

// Slots spreads received descriptors over the slots; -1 where there is none.
func (o *Opening) Slots(fds []int) (trees []int, fifo int, err error) {
	trees, fifo = make([]int, len(o.Trees)), -1
	for i := range o.Trees {
		trees[i] = -1
		if !o.Trees[i].There {
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
