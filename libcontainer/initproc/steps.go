package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/caps"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// do reads a step and carries it out: the one place where a kind of step and what is
// done for it stand side by side.
func (c *container) do(kind plan.Kind) error {
	d, b := &c.steps, &c.root
	switch kind {
	case plan.KindUnshareCgroup:
		return fault.Call("unshare", raw.Unshare(unix.CLONE_NEWCGROUP))
	case plan.KindLoopbackUp:
		return sys.LoopbackUp()
	case plan.KindSetPropagation:
		var s plan.SetPropagation
		s.Code(d)
		return b.SetPropagation(&s)
	case plan.KindAttachRoot:
		var s plan.AttachRoot
		s.Code(d)
		return b.AttachRoot(&s)
	case plan.KindEnterRootfs:
		var s plan.EnterRootfs
		s.Code(d)
		return c.enterRootfs(&s)
	case plan.KindMountFS:
		var s plan.MountFS
		s.Code(d)
		return b.MountFS(&s)
	case plan.KindOpenInRoot:
		var s plan.OpenInRoot
		s.Code(d)
		return b.OpenInRoot(&s)
	case plan.KindLendTree:
		return c.lendTree()
	case plan.KindBind:
		var s plan.Bind
		s.Code(d)
		return b.Bind(&s)
	case plan.KindRemount:
		var s plan.Remount
		s.Code(d)
		return b.Remount(&s)
	case plan.KindMakeDevice:
		var s plan.MakeDevice
		s.Code(d)
		return b.MakeDevice(&s)
	case plan.KindMakeSymlink:
		var s plan.MakeSymlink
		s.Code(d)
		return b.MakeSymlink(&s)
	case plan.KindMakeDir:
		var s plan.MakeDir
		s.Code(d)
		return b.MakeDir(&s)
	case plan.KindMaskPath:
		var s plan.MaskPath
		s.Code(d)
		return b.MaskPath(&s)
	case plan.KindReadonlyPath:
		var s plan.ReadonlyPath
		s.Code(d)
		return b.ReadonlyPath(&s)
	case plan.KindSync:
		var s plan.Sync
		s.Code(d)
		return c.sync(&s)
	case plan.KindHooks:
		var s plan.Hooks
		s.Code(d)
		return c.runHooks(&s)
	case plan.KindPivotRoot:
		return c.pivotRoot()
	case plan.KindMoveRoot:
		return c.moveRoot()
	case plan.KindTakeRoot:
		var s plan.TakeRoot
		s.Code(d)
		return b.TakeRoot(&s)
	case plan.KindChroot:
		return c.changeRoot()
	case plan.KindSetRoot:
		var s plan.SetRoot
		s.Code(d)
		return b.SetRoot(&s)
	case plan.KindSetHostname:
		var s plan.SetHostname
		s.Code(d)
		return fault.Call("sethostname", raw.Sethostname(s.Name))
	case plan.KindSetDomainname:
		var s plan.SetDomainname
		s.Code(d)
		return fault.Call("setdomainname", raw.Setdomainname(s.Name))
	case plan.KindSysctl:
		var s plan.Sysctl
		s.Code(d)
		return c.sysctl(&s)
	case plan.KindJoinKeyring:
		var s plan.JoinKeyring
		s.Code(d)
		return c.joinKeyring(&s)
	case plan.KindConsole:
		var s plan.Console
		s.Code(d)
		return c.console(&s)
	case plan.KindReopenNull:
		return reopenNull()
	case plan.KindOwnStdio:
		var s plan.OwnStdio
		s.Code(d)
		return ownStdio(&s)
	case plan.KindSetPersonality:
		var s plan.SetPersonality
		s.Code(d)
		return sys.SetPersonality(s.Persona)
	case plan.KindSetScheduler:
		var s plan.SetScheduler
		s.Code(d)
		return setScheduler(&s)
	case plan.KindSetIOPriority:
		var s plan.SetIOPriority
		s.Code(d)
		return sys.SetIOPriority(s.Class, s.Priority)
	case plan.KindSetMemoryPolicy:
		var s plan.SetMemoryPolicy
		s.Code(d)
		return sys.SetMemoryPolicy(s.Mode, s.Nodes)
	case plan.KindSetLabels:
		var s plan.SetLabels
		s.Code(d)
		return c.setLabels(&s)
	case plan.KindSetIdentity:
		var s plan.SetIdentity
		s.Code(d)
		return caps.Become(&s)
	case plan.KindSetCapabilities:
		var s plan.SetCapabilities
		s.Code(d)
		return caps.Apply(&s)
	case plan.KindSetNoNewPrivs:
		_, errno := raw.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		return fault.Call("prctl PR_SET_NO_NEW_PRIVS", errno)
	case plan.KindChdir:
		var s plan.Chdir
		s.Code(d)
		return c.chdir(&s)
	case plan.KindFindExecutable:
		var s plan.FindExecutable
		s.Code(d)
		return c.findExecutable(&s)
	case plan.KindWaitStart:
		return c.waitStart()
	case plan.KindSetRlimits:
		var s plan.SetRlimits
		s.Code(d)
		return setRlimits(&s)
	case plan.KindLoadSeccomp:
		var s plan.LoadSeccomp
		s.Code(d)
		return c.loadSeccomp(&s)
	case plan.KindExecute:
		return c.execute()
	case plan.KindEnterContainer:
		var s plan.EnterContainer
		s.Code(d)
		return b.EnterContainer(&s)
	case plan.KindFindMount:
		var s plan.FindMount
		s.Code(d)
		return b.FindMount(&s)
	case plan.KindDetachMounts:
		return b.DetachMounts()
	case plan.KindAddDevice:
		var s plan.AddDevice
		s.Code(d)
		return b.AddDevice(&s)
	case plan.KindRemoveDevice:
		var s plan.RemoveDevice
		s.Code(d)
		return b.RemoveDevice(&s)
	case plan.KindEnterRoot:
		return b.Enter()
	case plan.KindJoinPID:
		var s plan.JoinPID
		s.Code(d)
		return c.joinPID(&s)
	case plan.KindOwnProc:
		var s plan.OwnProc
		s.Code(d)
		return c.ownProc(&s)
	case plan.KindCloseOthers:
		return c.closeOthers()
	case plan.KindDropAdmin:
		var s plan.DropAdmin
		s.Code(d)
		return caps.DropAdmin(&s)
	case plan.KindCloneInside:
		var s plan.CloneInside
		s.Code(d)
		return c.cloneInside(&s)
	}
	return fault.New(0, "there is no step of kind %d").Num(int64(kind))
}
