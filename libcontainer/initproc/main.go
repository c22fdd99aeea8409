package initproc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/codec"
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/rootfs"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/wire"
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

// errGone means that the parent is no longer there: nobody is left to report
// to, and nothing is to be done but to end.
var errGone = errors.New("the runtime is gone")

// errDone is no error: the plan has come to its end.
var errDone = errors.New("done")

// container is what init knows and has made so far.
type container struct {
	conn  wire.Conn
	steps []plan.InitStep
	root  rootfs.Builder
	slots []plan.Tree
	// Private procfs, made at first need (fd -1 before), and this thread's
	// directory in it.
	proc     sys.Proc
	procSelf string

	own      int      // mount of this program, -1 if it has none or need not be attached
	fifo     int      // O_PATH of the exec fifo, -1 in run
	started  int      // write end of the fifo, once start has opened it; or -1
	refusal  raw.Text // what execve(2) has said of the program, if nobody waits for the outcome; or empty
	preserve int      // descriptors 3, 4, … that stay
	holes    []int    // those of them that the caller had not open
	fds      int      // /proc/thread-self/fd, from which the fifo is opened; -1 before
	detached bool     // from the runtime's death
	small    bool     // huge pages are denied, and to be allowed again

	trace      bool // note when each step began and ended
	spans      []wire.Span
	path       raw.Text // of the executable, once found
	home       raw.Text // HOME=, if the image tells it
	listen     raw.Text // LISTEN_PID=, if the process gets sockets
	env        []string // of the process, complete
	program    *sys.Program
	chdirErrno unix.Errno // of a chdir that the process's user may yet be able to do; or 0
}

// run is init's life. It returns only an exit code, of failure.
func run() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "this is started by crun-go itself")
		return 1
	}
	fd, err := strconv.Atoi(os.Args[1])
	if err != nil || !isSocket(fd) {
		fmt.Fprintln(os.Stderr, "this is started by crun-go itself")
		return 1
	}
	unix.CloseOnExec(fd)
	// The raw child has made the kernel slow to wake the thread that Go has
	// started by now. 0: this thread, and those to come, are not meant.
	unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
	// Who shares our pid namespace may not look into us; execve resets it.
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	c := &container{conn: wire.FromFD(fd), own: -1, fifo: -1, started: -1, fds: -1, proc: sys.NoProc, procSelf: "thread-self"}
	step, err := c.carryOut()
	if errors.Is(err, errDone) {
		return 0
	}
	if undoErr := c.root.Undo(); err != nil && undoErr != nil {
		err = fmt.Errorf("%w (and it could not be taken back: %v)", err, undoErr)
	}
	if err == nil || errors.Is(err, errGone) {
		return 1
	}
	c.report(wire.NewFailure(step, err))
	if c.refusal.Len() > 0 {
		c.complain()
		return exitRefused
	}
	return 1
}

func isSocket(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_STREAM
}

// report tells the parent or, after create has gone, whoever starts the
// container.
func (c *container) report(f *wire.Failure) {
	conn := c.conn
	if c.started >= 0 {
		retry.Write(c.started, f.Encode())
		return
	}
	conn.Send(wire.Failed, f.Encode())
}

// carryOut carries out the plan. On failure it returns the step's index.
func (c *container) carryOut() (int, error) {
	m, err := c.answer(wire.Plan)
	if err != nil {
		return -1, err
	}
	message := codec.Reader(m.Payload)
	var opening wire.Opening
	opening.Code(&message)
	if c.steps, err = plan.DecodeInit(&message); err != nil {
		return -1, err
	}
	own, fifo, err := opening.Receive(m.FDs)
	if err != nil {
		return -1, err
	}
	c.own, c.fifo, c.preserve, c.trace, c.small = own, fifo, opening.PreserveFDs, opening.Trace, opening.SmallPages
	c.holes = opening.Holes
	c.root.Init(opening.Trees)
	c.slots = opening.Trees

	unix.Umask(0) // modes are exactly as asked for
	if _, err := unix.Setsid(); err != nil {
		return -1, os.NewSyscallError("setsid", err)
	}
	sys.AllCPUs() // the caller's affinity is not the container's
	for i, step := range c.steps {
		begin := c.now()
		if err := c.do(i, step); err != nil {
			return i, err
		}
		if c.trace {
			c.spans = append(c.spans, wire.Span{Begin: begin, End: c.now()})
		}
	}
	return -1, errors.New("the plan ended without executing anything")
}

// now is the time for the trace, 0 if nobody wants it.
func (c *container) now() int64 {
	if !c.trace {
		return 0
	}
	return time.Now().UnixNano()
}

// do carries out one step.
func (c *container) do(index int, step plan.InitStep) error {
	switch s := step.(type) {
	case *plan.UnshareCgroup:
		return os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWCGROUP))
	case *plan.LoopbackUp:
		return sys.LoopbackUp()
	case *plan.SetPropagation:
		return c.root.SetPropagation(s)
	case *plan.AttachRoot:
		return c.root.AttachRoot(s)
	case *plan.MountFS:
		return c.root.MountFS(s)
	case *plan.OpenInRoot:
		return c.root.OpenInRoot(s)
	case *plan.LendTree:
		return c.lendTree()
	case *plan.Bind:
		return c.root.Bind(s)
	case *plan.Remount:
		return c.root.Remount(s)
	case *plan.MakeDevice:
		return c.root.MakeDevice(s)
	case *plan.MakeSymlink:
		return c.root.MakeSymlink(s)
	case *plan.MakeDir:
		return c.root.MakeDir(s)
	case *plan.MaskPath:
		return c.root.MaskPath(s)
	case *plan.ReadonlyPath:
		return c.root.ReadonlyPath(s)
	case *plan.Sync:
		return c.sync(s)
	case *plan.Hooks:
		return c.runHooks(index, s)
	case *plan.PivotRoot:
		return c.pivotRoot(index)
	case *plan.TakeRoot:
		return c.root.TakeRoot(s)
	case *plan.Chroot:
		return c.chroot(index)
	case *plan.MoveRoot:
		return c.moveRoot(index)
	case *plan.SetRoot:
		return c.root.SetRoot(s)
	case *plan.EnterContainer:
		return c.root.EnterContainer(s)
	case *plan.FindMount:
		return c.root.FindMount(s)
	case *plan.DetachMounts:
		return c.root.DetachMounts()
	}
	return c.become(index, step)
}

// sync tells the parent where init is. After Born and Mounted the parent has work to
// do; after Ready it may be gone.
func (c *container) sync(s *plan.Sync) error {
	if s.Phase == plan.Ready {
		if err := c.detach(); err != nil {
			return err
		}
		name := Started
		if c.fifo >= 0 {
			name = Created
			var err error
			if c.fds, err = c.openFDs(); err != nil { // while there is somebody to tell
				return err
			}
		}
		if err := sys.SetName(name); err != nil {
			return err
		}
		if c.trace {
			if err := c.conn.Send(wire.Trace, wire.AppendSpans(nil, c.spans)); err != nil {
				return errGone
			}
		}
	}
	if s.Phase == plan.Mounted {
		if err := c.root.CheckSystem(); err != nil {
			return err
		}
	}
	if !s.Quiet {
		changed, err := c.root.Changed()
		if err != nil {
			return err
		}
		if err := c.conn.Send(wire.Phase, wire.AppendPhase(nil, s.Phase, changed)); err != nil {
			return errGone
		}
	}
	if s.Phase == plan.Done {
		return errDone
	}
	switch s.Phase {
	case plan.Mounted, plan.Born:
		_, err := c.answer(wire.Continue)
		return err
	case plan.Empty:
		return c.takeTrees()
	}
	return nil
}

// answer waits for what the parent has to say.
func (c *container) answer(kind wire.Kind) (wire.Message, error) {
	m, err := c.conn.Recv()
	if errors.Is(err, io.EOF) {
		return m, errGone
	}
	if err == nil && m.Kind != kind {
		err = fmt.Errorf("unexpected message %d", m.Kind)
	}
	return m, err
}

// takeTrees takes the next mount trees from the parent.
func (c *container) takeTrees() error {
	m, err := c.answer(wire.Trees)
	if err != nil {
		return err
	}
	var trees []plan.Tree
	message := codec.Reader(m.Payload)
	wire.CodeTrees(&message, &trees)
	if !message.End() {
		return errors.New("malformed message")
	}
	if _, err := wire.ReceiveTrees(trees, m.FDs); err != nil {
		return err
	}
	c.root.Take(trees)
	return nil
}

// lendTree lends the parent a mount for as long as it takes to map its ids.
func (c *container) lendTree() error {
	if err := c.conn.Send(wire.Lent, nil, c.root.Inside()); err != nil {
		return errGone
	}
	_, err := c.answer(wire.Continue)
	return err
}

// allowHugePages gives back what init itself has done without. It comes as late
// as it may, before others inherit it or a filter that may not allow it.
func (c *container) allowHugePages() {
	if c.small {
		sys.AllowHugePages()
		c.small = false
	}
}
