package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/lsm"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/terminal"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
)

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

// keepProc opens the private procfs before the host's is gone, if it is needed later: a
// process that sees no procfs cannot mount one in a user namespace (mount_namespaces(7)).
func (c *container) keepProc() error {
	needed := c.will(plan.KindSysctl) || c.will(plan.KindSetLabels)
	if at, found := c.find(plan.KindJoinKeyring, c.index, c.count); !needed && found {
		var s plan.JoinKeyring
		s.Code(&at)
		needed = s.Label != ""
	}
	if !needed {
		return nil
	}
	_, err := c.procfs()
	return err
}

// enterRootfs leaves the host's mounts.
func (c *container) enterRootfs(s *plan.EnterRootfs) error {
	if err := c.keepProc(); err != nil {
		return err
	}
	return c.root.EnterRootfs(s)
}

// pivotRoot leaves the old root, and the mounts that this process has for itself
// with it: unmounting them one by one, by closing them, would take an RCU grace period
// each.
func (c *container) pivotRoot() error {
	if err := c.keepProc(); err != nil {
		return err
	}
	err := c.root.PivotRoot(c.own, c.proc.FD())
	if c.own >= 0 {
		raw.Close(c.own)
		c.own = -1
	}
	return err
}

func (c *container) changeRoot() error {
	if err := c.keepProc(); err != nil {
		return err
	}
	return c.root.Chroot()
}

func (c *container) moveRoot() error {
	if err := c.keepProc(); err != nil {
		return err
	}
	return c.root.MoveRoot()
}

func (c *container) sysctl(s *plan.Sysctl) error {
	proc, err := c.procfs()
	if err != nil {
		return err
	}
	return writeSysctl(proc, s.Path, s.Value)
}

// writeSysctl writes a parameter. A security module that goes by paths, such as the
// AppArmor profile of an outer container, may deny what is mounted nowhere: then the
// /proc of the host's root, which is this process's by now, does as well if it is a
// procfs and nothing is mounted over the file.
func writeSysctl(proc sys.Proc, path, value string) error {
	err := proc.Write(path, value)
	if !denied(err) {
		return err
	}
	visible, visibleErr := sys.HostProc()
	if fault.Errno(visibleErr) != 0 {
		return err // there is no /proc
	}
	if visibleErr == nil {
		visibleErr = visible.Write(path, value)
		raw.Close(visible.FD())
	}
	why := "%s /proc/%s: %e (and the mounted /proc is not a procfs)"
	switch errno := fault.Errno(visibleErr); {
	case visibleErr == nil:
		return nil
	case errno == unix.EXDEV:
		why = "%s /proc/%s: %e (and by way of the mounted /proc: something is mounted over it)"
	case denied(visibleErr):
		return err
	case errno != 0:
		return visibleErr // the kernel's answer, at last
	}
	op := "write"
	if fault.IsKind(err, fault.Opening) {
		op = "open"
	}
	return fault.New(fault.Errno(err), why).Str(op).Str(path)
}

func denied(err error) bool { return fault.Is(err, unix.EACCES) || fault.Is(err, unix.EPERM) }

func (c *container) setLabels(s *plan.SetLabels) error {
	proc, err := c.procfs()
	if err != nil {
		return err
	}
	return lsm.Apply(proc, c.procSelf, s)
}

func (c *container) joinKeyring(s *plan.JoinKeyring) error {
	if s.Label == "" {
		return joinKeyring(s.Name)
	}
	proc, err := c.procfs()
	if err != nil {
		return err
	}
	if err := lsm.LabelKeys(proc, s.Label); err != nil {
		return err
	}
	err = joinKeyring(s.Name)
	lsm.UnlabelKeys(proc)
	return err
}

// joinKeyring leaves the caller's session keyring, or the container could use
// its keys. Kernels without keyrings have nothing to leave.
func joinKeyring(name string) error {
	ring, errno := raw.JoinSessionKeyring(name)
	if errno == unix.ENOSYS {
		return nil
	}
	if errno != 0 {
		return fault.Call("keyctl", errno)
	}
	// Search rights for the owner, which a user namespace's root is not made
	// by default.
	const searchByOwner = 0x080000
	var text [unix.PathMax + 128]byte // a name has at most a page
	n, errno := raw.DescribeKey(ring, text[:])
	if errno != 0 {
		return fault.Call("keyctl", errno)
	}
	description := raw.String(text[:min(max(n, 0), len(text))])
	mask, ok := keyPermissions(description)
	if !ok {
		return fault.New(0, "keyctl: no permissions in the keyring's description %q").Str(description)
	}
	return fault.Call("keyctl", raw.SetKeyPermissions(ring, mask|searchByOwner))
}

// keyPermissions reads the mask in a key's description, "type;uid;gid;mask;name",
// see keyctl_describe(3).
func keyPermissions(description string) (mask uint32, ok bool) {
	field, digits := 0, 0
	for i := 0; i < len(description); i++ {
		char := description[i]
		if char == ';' {
			if field++; field == 4 {
				return mask, 0 < digits && digits <= 8
			}
			continue
		}
		if field < 3 {
			continue
		}
		digits++
		switch {
		case '0' <= char && char <= '9':
			mask = mask<<4 | uint32(char-'0')
		case 'a' <= char && char <= 'f':
			mask = mask<<4 | uint32(char-'a'+10)
		default:
			return 0, false
		}
	}
	return 0, false
}

// console makes the terminal, hands out its master and takes its other end.
func (c *container) console(s *plan.Console) error {
	master, slave, err := terminal.Open(c.root.Root(), s)
	if err != nil {
		return err
	}
	err = c.link.send(wire.Terminal, nil, master)
	raw.Close(master)
	if err != nil {
		return err
	}
	if !s.Uncontrolled {
		if err := terminal.Control(slave); err != nil {
			return err
		}
	}
	return terminal.Adopt(slave)
}

// setRlimits sets what the parent has made possible.
func setRlimits(s *plan.SetRlimits) error {
	for i := range s.Limits {
		l := &s.Limits[i]
		if err := sys.SetRlimit(l.Resource, unix.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return fault.New(fault.Errno(err), "error setting rlimit %s").Str(l.Type)
		}
	}
	return nil
}

func setScheduler(s *plan.SetScheduler) error {
	attr := s.Attr()
	return fault.Call("sched_setattr", raw.SchedSetattr(&attr))
}

func (c *container) chdir(s *plan.Chdir) error {
	_, tried := c.find(plan.KindChdir, 0, c.index)
	return chdir(s.Path, tried, c.will(plan.KindChdir), &c.chdirErrno)
}

// chdir changes to the working directory: as root if that works, or a
// directory that only root may enter would do no good; else, at the plan's
// second try, as the process's own user. failed is how the first one went, and then how
// it is that there is none.
func chdir(path string, tried, again bool, failed *unix.Errno) error {
	errno := raw.Chdir(path)
	if errno == unix.EACCES {
		if *failed == 0 && tried {
			return nil // root got there
		}
		if again {
			*failed = errno
			return nil
		}
	}
	if errno != 0 {
		return whole(fault.New(errno, "chdir to cwd (%q) set in config.json failed").Str(path))
	}
	*failed = 0
	return insideRoot()
}

// whole marks words that stand alone.
func whole(f *fault.Fault) error {
	f.Whole = true
	return f
}

// insideRoot verifies that the working directory is below the root: the
// kernel says "(unreachable)" of one that is not (CVE-2024-21626).
func insideRoot() error {
	var cwd [unix.PathMax]byte
	if _, errno := raw.Getcwd(cwd[:]); errno != 0 {
		return fault.Call("getcwd", errno)
	}
	if cwd[0] != '/' {
		return fault.New(0, "the working directory is outside the container's root: possible container breakout")
	}
	return nil
}
