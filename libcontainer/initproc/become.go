package initproc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/caps"
	"github.com/crun-go/crun-go/libcontainer/lsm"
	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/terminal"
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// become carries out the steps that turn this process into the container's.
func (c *container) become(index int, step plan.InitStep) error {
	switch s := step.(type) {
	case *plan.SetHostname:
		return os.NewSyscallError("sethostname", unix.Sethostname([]byte(s.Name)))
	case *plan.SetDomainname:
		return os.NewSyscallError("setdomainname", unix.Setdomainname([]byte(s.Name)))
	case *plan.Sysctl:
		return c.sysctl(s)
	case *plan.JoinKeyring:
		return c.joinKeyring(s)
	case *plan.Console:
		return c.console(s)
	case *plan.ReopenNull:
		return reopenNull()
	case *plan.OwnStdio:
		return ownStdio(s)
	case *plan.SetPersonality:
		return sys.SetPersonality(s.Persona)
	case *plan.SetScheduler:
		return setScheduler(s)
	case *plan.SetIOPriority:
		return sys.SetIOPriority(s.Class, s.Priority)
	case *plan.SetMemoryPolicy:
		return sys.SetMemoryPolicy(s.Mode, s.Nodes)
	case *plan.SetLabels:
		return c.setLabels(s)
	case *plan.SetIdentity:
		return caps.Become(s)
	case *plan.SetCapabilities:
		return caps.Apply(s)
	case *plan.SetNoNewPrivs:
		return os.NewSyscallError("prctl PR_SET_NO_NEW_PRIVS", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	case *plan.Chdir:
		return c.chdir(index, s)
	case *plan.FindExecutable:
		return c.findExecutable(s)
	case *plan.WaitStart:
		return c.waitStart()
	case *plan.SetRlimits:
		return setRlimits(s)
	case *plan.LoadSeccomp:
		return c.loadSeccomp(s)
	case *plan.Execute:
		return c.execute(s)
	}
	return c.enter(index, step)
}

// enter carries out the steps that only exec has.
func (c *container) enter(index int, step plan.InitStep) error {
	switch s := step.(type) {
	case *plan.EnterRoot:
		return c.root.Enter()
	case *plan.JoinPID:
		return c.joinPID(s)
	case *plan.OwnProc:
		return c.ownProc(s)
	case *plan.CloseOthers:
		return c.closeOthers()
	case *plan.DropAdmin:
		return caps.DropAdmin(s)
	case *plan.CloneInside:
		return c.cloneInside(index, s)
	}
	return fmt.Errorf("no such step: %s", step)
}

// procfs opens the private procfs once.
func (c *container) procfs() (sys.Proc, error) {
	if c.proc != sys.NoProc {
		return c.proc, nil
	}
	proc, err := sys.PrivateProc()
	if err == nil {
		c.proc = proc
	}
	return proc, err
}

// leaveRoot changes the root, and opens the private procfs before the host's is
// gone if it is needed later: who sees no procfs may not mount one in a user
// namespace (mount_namespaces(7)).
func (c *container) leaveRoot(index int, change func() error) error {
	if c.fifo >= 0 || slices.ContainsFunc(c.steps[index:], needsProc) {
		if _, err := c.procfs(); err != nil {
			return err
		}
	}
	return change()
}

// pivotRoot leaves the old root, and the mounts that this process has for itself
// with it: to unmount them by themselves, by closing them, has everybody wait for
// all processors once more each time.
func (c *container) pivotRoot() error {
	err := c.root.PivotRoot(c.own, c.proc.FD())
	if c.own >= 0 {
		unix.Close(c.own)
		c.own = -1
	}
	return err
}

// needsProc tells the steps that use the private procfs. The wait for start does, too.
func needsProc(step plan.InitStep) bool {
	switch s := step.(type) {
	case *plan.Sysctl, *plan.SetLabels:
		return true
	case *plan.JoinKeyring:
		return s.Label != ""
	}
	return false
}

// sysctl writes a parameter. A security module that goes by paths, such as the
// AppArmor profile of an outer container, may deny what is mounted nowhere: then the
// /proc of the host's root, which is this process's by now, does as well if it is a
// procfs and nothing is mounted over the file.
func (c *container) sysctl(s *plan.Sysctl) error {
	proc, err := c.procfs()
	if err != nil {
		return err
	}
	name := "sys/" + plan.SwapSeparators(s.Key)
	err = proc.Write(name, s.Value)
	if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		return err
	}
	visible, visibleErr := sys.HostProc()
	if visibleErr == nil {
		visibleErr = visible.Write(name, s.Value)
		visible.Close()
	}
	switch {
	case visibleErr == nil:
		return nil
	case errors.Is(visibleErr, unix.EXDEV):
		visibleErr = errors.New("something is mounted over it")
	case errors.Is(visibleErr, unix.EACCES), errors.Is(visibleErr, unix.EPERM):
		return err
	}
	return fmt.Errorf("%w (and by way of the mounted /proc: %v)", err, visibleErr)
}

func (c *container) setLabels(s *plan.SetLabels) error {
	proc, err := c.procfs()
	if err != nil {
		return err
	}
	return lsm.Apply(proc, c.procSelf, s)
}

// joinKeyring leaves the caller's session keyring, or the container could use
// its keys. Kernels without keyrings have nothing to leave.
func (c *container) joinKeyring(s *plan.JoinKeyring) error {
	if s.Label != "" {
		proc, err := c.procfs()
		if err != nil {
			return err
		}
		unlabel, err := lsm.LabelKeys(proc, s.Label)
		if err != nil {
			return err
		}
		defer unlabel()
	}
	ring, err := unix.KeyctlJoinSessionKeyring(s.Name)
	if err == unix.ENOSYS {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("keyctl", err)
	}
	// Search rights for the owner, which a user namespace's root is not made
	// by default.
	const searchByOwner = 0x080000
	perm, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, ring)
	if err != nil {
		return os.NewSyscallError("keyctl", err)
	}
	mask, err := keyPermissions(perm)
	if err != nil {
		return err
	}
	return os.NewSyscallError("keyctl", unix.KeyctlSetperm(ring, mask|searchByOwner))
}

// keyPermissions reads the mask in a key's description, "type;uid;gid;mask;name",
// see keyctl_describe(3).
func keyPermissions(description string) (uint32, error) {
	fields := strings.SplitN(description, ";", 5)
	if len(fields) == 5 {
		if mask, err := strconv.ParseUint(fields[3], 16, 32); err == nil {
			return uint32(mask), nil
		}
	}
	return 0, fmt.Errorf("keyctl: no permissions in the keyring's description %q", description)
}

// console makes the terminal, hands out its master and takes its other end.
func (c *container) console(s *plan.Console) error {
	master, slave, err := terminal.Open(c.root.Root(), s)
	if err != nil {
		return err
	}
	defer unix.Close(master)
	if err := c.conn.Send(wire.Terminal, nil, master); err != nil {
		return errGone
	}
	if !s.Uncontrolled {
		if err := terminal.Control(slave); err != nil {
			return err
		}
	}
	return terminal.Adopt(slave)
}

// ownStdio gives the standard streams to the container's user: pipes, and files
// unless they are the caller's. What can't change hands stays, and so do
// devices, which are the host's (CVE-2026-88265: /dev/null).
func ownStdio(s *plan.OwnStdio) error {
	for fd := range 3 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			if err == unix.EBADF {
				continue
			}
			return os.NewSyscallError("fstat", err)
		}
		kind := st.Mode & unix.S_IFMT
		mayChange := kind == unix.S_IFIFO || kind == unix.S_IFREG && !s.PipesOnly
		if !mayChange || st.Uid == s.UID {
			continue
		}
		switch err := unix.Fchown(fd, int(s.UID), -1); err {
		case nil, unix.EINVAL, unix.EPERM, unix.EROFS:
		default:
			return os.NewSyscallError("fchown", err)
		}
	}
	return nil
}

// setRlimits sets what the parent has made possible.
func setRlimits(s *plan.SetRlimits) error {
	for _, l := range s.Limits {
		limit := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
		if err := unix.Prlimit(0, l.Resource, &limit, nil); err != nil {
			return fmt.Errorf("error setting rlimit %s: %w", l.Type, err)
		}
	}
	return nil
}

// limits prepares them for a process that is cloned.
func limits(s *plan.SetRlimits) []sys.Limit {
	list := make([]sys.Limit, len(s.Limits))
	for i, l := range s.Limits {
		list[i] = sys.Limit{Name: l.Type, Resource: l.Resource, Limit: unix.Rlimit{Cur: l.Soft, Max: l.Hard}}
	}
	return list
}

func setScheduler(s *plan.SetScheduler) error {
	attr := unix.SchedAttr{
		Size:     unix.SizeofSchedAttr,
		Policy:   s.Policy,
		Flags:    s.Flags,
		Nice:     int32(s.Nice),
		Priority: s.Priority,
		Runtime:  s.Runtime,
		Deadline: s.Deadline,
		Period:   s.Period,
	}
	return os.NewSyscallError("sched_setattr", unix.SchedSetAttr(0, &attr, 0))
}

// chdir changes to the working directory: as root if that works, or a
// directory that only root may enter would do no good; else, at the plan's
// second try, as the process's own user.
func (c *container) chdir(index int, s *plan.Chdir) error {
	err := unix.Chdir(s.Path)
	if err == unix.EACCES {
		if c.chdirErr == nil && index > 0 && c.triedChdir(index) {
			return nil // root got there
		}
		if c.willChdir(index) {
			c.chdirErr = err
			return nil
		}
	}
	if err != nil {
		return &wire.Whole{Err: fmt.Errorf("chdir to cwd (%q) set in config.json failed: %w", s.Path, err)}
	}
	c.chdirErr = nil
	return insideRoot()
}

func (c *container) willChdir(index int) bool  { return hasChdir(c.steps[index+1:]) }
func (c *container) triedChdir(index int) bool { return hasChdir(c.steps[:index]) }

func hasChdir(steps []plan.InitStep) bool {
	for _, s := range steps {
		if _, ok := s.(*plan.Chdir); ok {
			return true
		}
	}
	return false
}

// insideRoot verifies that the working directory is below the root: the
// kernel says "(unreachable)" of one that is not (CVE-2024-21626).
func insideRoot() error {
	var cwd [unix.PathMax]byte
	_, err := unix.Getcwd(cwd[:])
	if err != nil {
		return os.NewSyscallError("getcwd", err)
	}
	if cwd[0] != '/' {
		return errors.New("the working directory is outside the container's root: possible container breakout")
	}
	return nil
}
