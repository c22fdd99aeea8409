package wire

import (
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Opening stands before the plan in a Plan frame: what the descriptors beside
// it are.
type Opening struct {
	Trees       []plan.Tree // slots of the plan
	Own         bool        // the descriptor after the trees' is the mount of init's own program
	Fifos       bool        // the two descriptors after that are exec.fifo and answer.fifo
	Progress    bool        // the last descriptor is the memory with the number of the current step, see Progress
	Trace       bool        // report when each step began and ended
	Live        bool        // and do so at the end of each
	PreserveFDs int         // descriptors 3, 4, … that the container inherits
	Holes       []int       // those of them that the caller had not open
}

// Code lists what is sent. Of a descriptor it is only whether it is there: they travel
// beside the message, in the order of the slots. Those that are there read 0 until
// init has them.
func (o *Opening) Code(c *codec.Coder) {
	c.Num(&o.PreserveFDs)
	c.Flag(&o.Own)
	c.Flag(&o.Fifos)
	c.Flag(&o.Progress)
	c.Flag(&o.Trace)
	c.Flag(&o.Live)
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
