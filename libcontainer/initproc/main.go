package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/rootfs"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Name is argument zero of an init; its only other argument is the number of
// the socket's descriptor.
const Name = "crun-go:init"

// Created and Started are what an init calls itself, for state to see, from the
// moment that it is ready until it executes: while it waits for start, and once start
// has come. Names have 15 bytes at most, see PR_SET_NAME(2const).
const (
	Created = "crun-go:created"
	Started = "crun-go:started"
)

// container is what init knows and has made so far.
type container struct {
	link link
	script
	more []byte // the message in which the last trees have come, if not in that of the plan
	told int    // of how many steps the times have been sent
	root rootfs.Builder
	// Private procfs, made at first need (fd -1 before), and this thread's
	// directory in it.
	proc     sys.Proc
	procSelf string

	opening  wire.Opening
	progress *uint32 // where the parent sees the number of the step under way; nil: it does not, or no longer
	own      int     // mount of this program, -1 if it has none or need not be attached
	fifo     int     // exec.fifo, from which start is read; -1 in run
	answer   int     // answer.fifo, for reports to start; -1 in run
	logs     [2]int  // where standard output and error of hooks are copied to; 0: nowhere
	started  bool    // start has come
	prepared bool    // for being ready

	program
	chdirErrno unix.Errno // why root could not change the directory; the process's user may yet be able to
}

// script is the plan, and where in it init is.
type script struct {
	steps    codec.Coder // read up to the step under way
	message  []byte      // that it came in
	unmapped int         // how much of its beginning has been given back
	first    int         // where in it the first step is
	base     int         // the index of that step
	at       int         // where in it the step under way is
	count    int         // of steps
	index    int         // of the step under way, -1 before the first
	kind     plan.Kind   // of that step
}

// program is what init executes in the end.
type program struct {
	path      raw.Text // of the executable, once found
	home      raw.Text // HOME=…, if it is to be added to the environment
	listen    raw.Text // LISTEN_PID=…, if it is in the environment
	argv, env []*byte  // of the process, complete
	alone     bool     // no caller waits for the outcome of execve(2)
}

// All that an init needs: nothing is allocated.
var (
	the   container
	came  received                    // with the last message
	spans [wire.MaxSpans]wire.Span    // of the steps so far, for the trace
	late  [wire.MaxLate]wire.LateSpan // of those after start
	said  [8192]byte                  // a failure
)

// run is init's life. It returns only an exit code, of failure.
func run(socket int) int {
	c := &the
	c.link.fd, c.index = socket, -1
	c.own, c.fifo, c.answer, c.proc, c.procSelf = -1, -1, -1, sys.ProcAt(-1), "thread-self"
	sys.CloseOnExec(socket)
	// Processes in our pid namespace must not be able to ptrace us; execve resets it.
	raw.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	err := c.carryOut()
	if is(err, &done) {
		return 0
	}
	if is(err, &gone) {
		c.root.Undo()
		return 1
	}
	c.failed()
	undoErr := c.root.Undo()
	failed := wire.Failure{Step: c.index, StepKind: c.kind, Fault: fault.Of(err)}
	if undoErr != nil {
		failed.Undo = fault.Of(undoErr)
	}
	c.report(&failed)
	if failed.Refused && c.alone {
		return c.complain(failed.Errno)
	}
	return 1
}

// carryOut carries out the plan.
func (c *container) carryOut() error {
	message, err := c.link.receive(wire.Plan, &came)
	if err != nil {
		return err
	}
	c.message, c.steps = message, codec.Reader(message)
	c.opening.Code(&c.steps)
	c.steps.Num(&c.count)
	c.first = c.steps.Len()
	if c.steps.Bad() {
		return fault.New(0, "malformed plan of %d bytes").Num(int64(len(message)))
	}
	if err := c.open(); err != nil {
		return err
	}
	raw.Umask(0) // modes are exactly as asked for
	if errno := raw.Setsid(); errno != 0 {
		return fault.Call("setsid", errno)
	}
	sys.AllCPUs() // the caller's affinity is not the container's
	for c.index = 0; c.index < c.count; c.index++ {
		c.begins()
		if c.progress != nil {
			*c.progress = uint32(c.index) + 1
		}
		c.at = c.steps.Len()
		head := c.steps.Next()
		next := c.steps.Len() + int(head.Size)
		c.kind = plan.Kind(head.Kind)
		if err := c.do(c.kind); err != nil {
			return err
		}
		c.steps.Seek(next)
		c.ends()
		if c.opening.Live && !c.started {
			if err := c.tellTrace(c.index + 1); err != nil {
				return err
			}
		}
	}
	c.index = -1
	return fault.New(0, "the plan ended without executing anything")
}

// open spreads the descriptors that came with the plan.
func (c *container) open() error {
	if err := c.spread(c.opening.Trees); err != nil {
		return err
	}
	if c.opening.Own {
		c.own = came.next()
	}
	if c.opening.Fifos {
		c.fifo, c.answer = came.next(), came.next()
	}
	if c.opening.Own && c.own < 0 || c.opening.Fifos && c.answer < 0 {
		return missing()
	}
	c.findLogs()
	c.root.Init(c.opening.Trees)
	return c.shareProgress()
}

// shareProgress makes visible to the parent where this process is.
func (c *container) shareProgress() error {
	if !c.opening.Progress {
		return nil
	}
	fd := came.next()
	if fd < 0 {
		return missing()
	}
	c.progress = raw.ShareWord(fd)
	raw.Close(fd)
	return nil
}

// hideProgress ends that, before the container's filter can have a say: the last step
// that the parent has seen is then the one that brought it.
func (c *container) hideProgress() {
	if c.progress != nil {
		raw.UnshareWord(c.progress)
		c.progress = nil
	}
}

// spread spreads received descriptors over trees.
func (c *container) spread(trees []plan.Tree) error {
	for i := range trees {
		if trees[i].FD < 0 {
			continue
		}
		if trees[i].FD = came.next(); trees[i].FD < 0 {
			return missing()
		}
	}
	return nil
}

func missing() error { return fault.New(0, "malformed message: a descriptor is missing") }

// find finds the first step of a kind among those with an index of at least from and
// below end. What is returned stands behind its head.
func (s *script) find(kind plan.Kind, from, end int) (codec.Coder, bool) {
	at := s.steps
	at.Seek(s.first)
	for i := s.base; i < end; i++ {
		head := at.Next()
		if i >= from && plan.Kind(head.Kind) == kind {
			return at, true
		}
		at.Skip(head)
	}
	return at, false
}

// forget gives back the memory of the plan up to the step under way.
func (s *script) forget() {
	const page = 64 << 10 // the largest
	here := s.at
	whole := here &^ (page - 1)
	if whole > s.unmapped {
		raw.Unmap(s.message[s.unmapped:whole])
		s.unmapped = whole
	}
	clear(s.message[whole:here])
	s.first, s.base = here, s.index
}

// forget gives back what the steps so far have needed.
func (c *container) forget() {
	c.script.forget()
	c.opening.Trees, c.opening.Holes = nil, nil
	c.root.Take(nil)
	c.dropMore()
}

// dropMore gives back the memory of the last trees that came after the plan.
func (c *container) dropMore() {
	if len(c.more) > 0 {
		raw.Unmap(c.more)
		c.more = nil
	}
}

// will reports whether a step of a kind is still to come.
func (s *script) will(kind plan.Kind) bool {
	_, found := s.find(kind, s.index+1, s.count)
	return found
}

// clonesProcess reports whether the process of an exec is still to be cloned.
func (s *script) clonesProcess() bool {
	at, found := s.find(plan.KindCloneInside, s.index+1, s.count)
	if !found {
		return false
	}
	var clone plan.CloneInside
	clone.Code(&at)
	return !clone.Init
}

// sync reports to the parent where init is. After Born, Mounted and Empty the parent has
// work to do; after Ready it may be gone.
func (c *container) sync(s *plan.Sync) error {
	switch s.Phase {
	case plan.Ready:
		if err := c.getReady(); err != nil {
			return err
		}
	case plan.Mounted:
		if err := c.root.CheckSystem(); err != nil {
			return err
		}
	}
	if !s.Quiet {
		if err := c.tell(s.Phase); err != nil {
			return err
		}
	}
	switch s.Phase {
	case plan.Done:
		return &done
	case plan.Mounted, plan.Born:
		_, err := c.link.receive(wire.Continue, &came)
		return err
	case plan.Empty:
		return c.takeTrees()
	}
	return nil
}

// tell reports to the parent that init has reached a phase, and which mounts it has changed
// in a container that exists.
func (c *container) tell(phase plan.Phase) error {
	mounts, err := c.root.Changed()
	if err != nil {
		return err
	}
	at := [1]uint64{uint64(phase)}
	return c.link.sendBoth(wire.Phase, codec.Bytes(at[:]), codec.Bytes(mounts), -1)
}

// getReady is done once, before the report that init is the container's process in all but
// execve: it lets the container live without the runtime.
func (c *container) getReady() error {
	if c.prepared {
		return nil
	}
	c.prepared = true
	if !c.clonesProcess() { // else the parent waits until execve
		c.hideProgress()
	}
	c.forget()
	if _, errno := raw.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); errno != 0 {
		return fault.Call("prctl PR_SET_PDEATHSIG", errno)
	}
	name := Started
	if c.fifo >= 0 {
		name = Created
	}
	if err := sys.SetName(name); err != nil {
		return err
	}
	err := c.tellTrace(c.index)
	if c.fifo >= 0 { // nothing waits for more
		c.opening.Trace = false
	}
	return err
}

// takeTrees takes the next mount trees from the parent.
func (c *container) takeTrees() error {
	message, err := c.link.receive(wire.Trees, &came)
	if err != nil {
		return err
	}
	var trees []plan.Tree
	from := codec.Reader(message)
	wire.CodeTrees(&from, &trees)
	if !from.End() {
		return fault.New(0, "malformed message of %d bytes").Num(int64(len(message)))
	}
	if err := c.spread(trees); err != nil {
		return err
	}
	c.root.Take(trees)
	c.dropMore()
	c.more = message
	return nil
}

// lendTree lends the parent a mount for as long as it takes to map its ids.
func (c *container) lendTree() error {
	if err := c.link.send(wire.Lent, nil, c.root.Inside()); err != nil {
		return err
	}
	_, err := c.link.receive(wire.Continue, &came)
	return err
}
