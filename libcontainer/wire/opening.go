package wire

import (
	"io"

	"github.com/crun-go/crun-go/libcontainer/codec"
	"github.com/crun-go/crun-go/libcontainer/plan"
)

// Opening stands before the plan in a Plan frame: what the descriptors beside
// it are.
type Opening struct {
	Trees       []plan.Tree // slots of the plan
	Own         bool        // the descriptor after the trees' is the mount of init's own program
	Fifo        bool        // the descriptor after that is the exec fifo
	Progress    bool        // the last descriptor is the word for the step under way, see Progress
	Trace       bool        // tell when each step began and ended
	PreserveFDs int         // descriptors 3, 4, … that the container inherits
	Holes       []int       // those of them that the caller had not open
}

// Code lists what is sent. Of a descriptor it is only whether it is there: they travel
// beside the message, in the order of the slots. Those that are there read 0 until
// Receive has them.
func (o *Opening) Code(c *codec.Coder) {
	c.Num(&o.PreserveFDs)
	c.Flag(&o.Own)
	c.Flag(&o.Fifo)
	c.Flag(&o.Progress)
	c.Flag(&o.Trace)
	codec.Plain(c, &o.Holes)
	CodeTrees(c, &o.Trees)
}

// CodeTrees lists what is sent of trees, which are the payload of a Trees frame.
func CodeTrees(c *codec.Coder, trees *[]plan.Tree) {
	codec.Room(c, trees)
	for i := range *trees {
		codeTree(c, &(*trees)[i])
	}
}

func codeTree(c *codec.Coder, t *plan.Tree) {
	none := t.FD < 0
	c.Flag(&none)
	c.Flag(&t.Recursive)
	c.Flag(&t.NoFollow)
	c.Str(&t.Path)
	if !c.Reading() {
		return
	}
	t.FD, t.Errno = 0, 0
	if none {
		t.FD = -1
	}
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
