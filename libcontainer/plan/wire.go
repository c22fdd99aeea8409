package plan

import "github.com/crun-go/crun-go/libcontainer/codec"

const (
	KindSetPropagation Kind = iota
	KindAttachRoot
	KindMountFS
	KindOpenInRoot
	KindLendTree
	KindBind
	KindRemount
	KindMakeDevice
	KindMakeSymlink
	KindMakeDir
	KindMaskPath
	KindReadonlyPath
	KindPivotRoot
	KindMoveRoot
	KindTakeRoot
	KindChroot
	KindSetRoot
	KindUnshareCgroup
	KindLoopbackUp
	KindSync
	KindHooks
	KindSetHostname
	KindSetDomainname
	KindSysctl
	KindJoinKeyring
	KindConsole
	KindReopenNull
	KindOwnStdio
	KindSetPersonality
	KindSetScheduler
	KindSetIOPriority
	KindSetMemoryPolicy
	KindSetLabels
	KindSetIdentity
	KindSetCapabilities
	KindSetNoNewPrivs
	KindChdir
	KindFindExecutable
	KindWaitStart
	KindSetRlimits
	KindLoadSeccomp
	KindExecute
	KindEnterContainer
	KindFindMount
	KindDetachMounts
	KindEnterRoot
	KindJoinPID
	KindOwnProc
	KindCloneInside
	KindCloseOthers
	KindDropAdmin
	kinds // their number
)

// newStep makes an empty step of a kind, nil if there is no such kind.
func newStep(k Kind) InitStep {
	if k <= KindSetRoot {
		return newRootStep(k)
	}
	switch k {
	case KindUnshareCgroup:
		return new(UnshareCgroup)
	case KindLoopbackUp:
		return new(LoopbackUp)
	case KindSync:
		return new(Sync)
	case KindHooks:
		return new(Hooks)
	case KindSetHostname:
		return new(SetHostname)
	case KindSetDomainname:
		return new(SetDomainname)
	case KindSysctl:
		return new(Sysctl)
	case KindJoinKeyring:
		return new(JoinKeyring)
	case KindConsole:
		return new(Console)
	case KindReopenNull:
		return new(ReopenNull)
	case KindOwnStdio:
		return new(OwnStdio)
	case KindSetPersonality:
		return new(SetPersonality)
	case KindSetScheduler:
		return new(SetScheduler)
	case KindSetIOPriority:
		return new(SetIOPriority)
	case KindSetMemoryPolicy:
		return new(SetMemoryPolicy)
	case KindSetLabels:
		return new(SetLabels)
	case KindSetIdentity:
		return new(SetIdentity)
	case KindSetCapabilities:
		return new(SetCapabilities)
	case KindSetNoNewPrivs:
		return new(SetNoNewPrivs)
	case KindChdir:
		return new(Chdir)
	case KindFindExecutable:
		return new(FindExecutable)
	case KindWaitStart:
		return new(WaitStart)
	case KindSetRlimits:
		return new(SetRlimits)
	case KindLoadSeccomp:
		return new(LoadSeccomp)
	case KindExecute:
		return new(Execute)
	}
	return newLiveStep(k)
}

// newRootStep is newStep for what makes the root filesystem.
func newRootStep(k Kind) InitStep {
	switch k {
	case KindSetPropagation:
		return new(SetPropagation)
	case KindAttachRoot:
		return new(AttachRoot)
	case KindTakeRoot:
		return new(TakeRoot)
	case KindChroot:
		return new(Chroot)
	case KindMountFS:
		return new(MountFS)
	case KindOpenInRoot:
		return new(OpenInRoot)
	case KindLendTree:
		return new(LendTree)
	case KindBind:
		return new(Bind)
	case KindRemount:
		return new(Remount)
	case KindMakeDevice:
		return new(MakeDevice)
	case KindMakeSymlink:
		return new(MakeSymlink)
	case KindMakeDir:
		return new(MakeDir)
	case KindMaskPath:
		return new(MaskPath)
	case KindReadonlyPath:
		return new(ReadonlyPath)
	case KindPivotRoot:
		return new(PivotRoot)
	case KindMoveRoot:
		return new(MoveRoot)
	case KindSetRoot:
		return new(SetRoot)
	}
	return nil
}

// newLiveStep is newStep for containers that exist.
func newLiveStep(k Kind) InitStep {
	switch k {
	case KindEnterContainer:
		return new(EnterContainer)
	case KindFindMount:
		return new(FindMount)
	case KindDetachMounts:
		return new(DetachMounts)
	}
	return newExecStep(k)
}

// newExecStep makes the steps that only exec has.
func newExecStep(k Kind) InitStep {
	switch k {
	case KindEnterRoot:
		return new(EnterRoot)
	case KindJoinPID:
		return new(JoinPID)
	case KindOwnProc:
		return new(OwnProc)
	case KindCloneInside:
		return new(CloneInside)
	case KindCloseOthers:
		return new(CloseOthers)
	case KindDropAdmin:
		return new(DropAdmin)
	}
	return nil
}

func (*SetPropagation) InitKind() Kind  { return KindSetPropagation }
func (*AttachRoot) InitKind() Kind      { return KindAttachRoot }
func (*TakeRoot) InitKind() Kind        { return KindTakeRoot }
func (*Chroot) InitKind() Kind          { return KindChroot }
func (*MountFS) InitKind() Kind         { return KindMountFS }
func (*OpenInRoot) InitKind() Kind      { return KindOpenInRoot }
func (*LendTree) InitKind() Kind        { return KindLendTree }
func (*Bind) InitKind() Kind            { return KindBind }
func (*Remount) InitKind() Kind         { return KindRemount }
func (*MakeDevice) InitKind() Kind      { return KindMakeDevice }
func (*MakeSymlink) InitKind() Kind     { return KindMakeSymlink }
func (*MakeDir) InitKind() Kind         { return KindMakeDir }
func (*MaskPath) InitKind() Kind        { return KindMaskPath }
func (*ReadonlyPath) InitKind() Kind    { return KindReadonlyPath }
func (*PivotRoot) InitKind() Kind       { return KindPivotRoot }
func (*MoveRoot) InitKind() Kind        { return KindMoveRoot }
func (*SetRoot) InitKind() Kind         { return KindSetRoot }
func (*UnshareCgroup) InitKind() Kind   { return KindUnshareCgroup }
func (*LoopbackUp) InitKind() Kind      { return KindLoopbackUp }
func (*Sync) InitKind() Kind            { return KindSync }
func (*Hooks) InitKind() Kind           { return KindHooks }
func (*SetHostname) InitKind() Kind     { return KindSetHostname }
func (*SetDomainname) InitKind() Kind   { return KindSetDomainname }
func (*Sysctl) InitKind() Kind          { return KindSysctl }
func (*JoinKeyring) InitKind() Kind     { return KindJoinKeyring }
func (*Console) InitKind() Kind         { return KindConsole }
func (*ReopenNull) InitKind() Kind      { return KindReopenNull }
func (*OwnStdio) InitKind() Kind        { return KindOwnStdio }
func (*SetPersonality) InitKind() Kind  { return KindSetPersonality }
func (*SetScheduler) InitKind() Kind    { return KindSetScheduler }
func (*SetIOPriority) InitKind() Kind   { return KindSetIOPriority }
func (*SetMemoryPolicy) InitKind() Kind { return KindSetMemoryPolicy }
func (*SetLabels) InitKind() Kind       { return KindSetLabels }
func (*SetIdentity) InitKind() Kind     { return KindSetIdentity }
func (*SetCapabilities) InitKind() Kind { return KindSetCapabilities }
func (*SetNoNewPrivs) InitKind() Kind   { return KindSetNoNewPrivs }
func (*Chdir) InitKind() Kind           { return KindChdir }
func (*FindExecutable) InitKind() Kind  { return KindFindExecutable }
func (*WaitStart) InitKind() Kind       { return KindWaitStart }
func (*SetRlimits) InitKind() Kind      { return KindSetRlimits }
func (*LoadSeccomp) InitKind() Kind     { return KindLoadSeccomp }
func (*Execute) InitKind() Kind         { return KindExecute }
func (*EnterContainer) InitKind() Kind  { return KindEnterContainer }
func (*FindMount) InitKind() Kind       { return KindFindMount }
func (*DetachMounts) InitKind() Kind    { return KindDetachMounts }
func (*EnterRoot) InitKind() Kind       { return KindEnterRoot }
func (*JoinPID) InitKind() Kind         { return KindJoinPID }
func (*OwnProc) InitKind() Kind         { return KindOwnProc }
func (*CloneInside) InitKind() Kind     { return KindCloneInside }
func (*CloseOthers) InitKind() Kind     { return KindCloseOthers }
func (*DropAdmin) InitKind() Kind       { return KindDropAdmin }

func (a *Attr) Code(c *codec.Coder) {
	c.U64(&a.Set)
	c.U64(&a.Clear)
}

func (o *MountOptions) Code(c *codec.Coder) {
	o.Attr.Code(c)
	c.U64(&o.Others)
	o.Recursive.Code(c)
	codec.Plain(c, &o.Propagation)
	c.Flag(&o.NoFollow)
}

func (s *SetPropagation) Code(c *codec.Coder) { c.U64(&s.Flags) }

func (s *AttachRoot) Code(c *codec.Coder) {
	c.Num(&s.Slot)
	c.U64(&s.Propagation)
	c.Flag(&s.Private)
}

func (s *TakeRoot) Code(c *codec.Coder) { c.Num(&s.Slot) }
func (*Chroot) Code(*codec.Coder)       {}

func (s *MountFS) Code(c *codec.Coder) {
	c.Str(&s.Type)
	c.Str(&s.Source)
	c.Str(&s.Target)
	c.Strs(&s.Params)
	s.Options.Code(c)
	c.Flag(&s.CopyUp)
	c.Num(&s.Fallback)
	c.Flag(&s.Made)
	c.Num(&s.Keep)
	c.Flag(&s.Mask)
}

func (s *OpenInRoot) Code(c *codec.Coder) {
	c.Str(&s.Path)
	c.Flag(&s.Recursive)
	c.Flag(&s.NoFollow)
}

func (*LendTree) Code(*codec.Coder) {}

func (s *Bind) Code(c *codec.Coder) {
	c.Num(&s.Slot)
	c.Str(&s.Source)
	c.Str(&s.Target)
	c.Flag(&s.CopyLink)
	s.Options.Code(c)
}

func (s *Remount) Code(c *codec.Coder) {
	c.Str(&s.Target)
	c.Num(&s.Kept)
	c.Strs(&s.Params)
	s.Options.Code(c)
}

func (s *MakeDevice) Code(c *codec.Coder) {
	c.Str(&s.Path)
	c.Str(&s.Type)
	c.I64(&s.Major)
	c.I64(&s.Minor)
	c.U32(&s.Mode)
	c.U32(&s.UID)
	c.U32(&s.GID)
	c.Num(&s.Slot)
	c.Flag(&s.NodeOnly)
}

func (s *MakeSymlink) Code(c *codec.Coder) {
	c.Str(&s.Target)
	c.Str(&s.Path)
}

func (s *MakeDir) Code(c *codec.Coder)      { c.Str(&s.Path) }
func (s *MaskPath) Code(c *codec.Coder)     { c.Str(&s.Path) }
func (s *ReadonlyPath) Code(c *codec.Coder) { c.Str(&s.Path) }
func (*PivotRoot) Code(*codec.Coder)        {}
func (*MoveRoot) Code(*codec.Coder)         {}

func (s *SetRoot) Code(c *codec.Coder) {
	c.Flag(&s.Readonly)
	c.U64(&s.Propagation)
}

func (*UnshareCgroup) Code(*codec.Coder) {}
func (*LoopbackUp) Code(*codec.Coder)    {}

func (s *Sync) Code(c *codec.Coder) {
	v := uint32(s.Phase)
	c.U32(&v)
	s.Phase = Phase(v)
	c.Flag(&s.Quiet)
}

func (s *Hooks) Code(c *codec.Coder) {
	c.Num(&s.Log.Stdout)
	c.Num(&s.Log.Stderr)
	c.Str(&s.Kind)
	c.Str(&s.Dir)
	c.Flag(&s.Confined)
	c.Str(&s.Before)
	c.Str(&s.After)
	codec.Room(c, &s.Hooks)
	for i := range s.Hooks {
		h := &s.Hooks[i]
		c.Str(&h.Path)
		c.Strs(&h.Args)
		c.Strs(&h.Env)
		c.Flag(&h.ProcessEnv)
		c.Num(&h.Timeout)
	}
}

func (s *SetHostname) Code(c *codec.Coder)   { c.Str(&s.Name) }
func (s *SetDomainname) Code(c *codec.Coder) { c.Str(&s.Name) }

func (s *Sysctl) Code(c *codec.Coder) {
	c.Str(&s.Key)
	c.Str(&s.Path)
	c.Str(&s.Value)
}

func (s *JoinKeyring) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.Str(&s.Label)
}

func (s *Console) Code(c *codec.Coder) {
	c.U32(&s.Width)
	c.U32(&s.Height)
	c.U32(&s.UID)
	c.Flag(&s.Mount)
	c.Flag(&s.PlainLines)
	c.Flag(&s.Uncontrolled)
}

func (s *OwnStdio) Code(c *codec.Coder) {
	c.U32(&s.UID)
	c.Flag(&s.PipesOnly)
}

func (*ReopenNull) Code(*codec.Coder)         {}
func (s *SetPersonality) Code(c *codec.Coder) { c.U32(&s.Persona) }

func (s *SetScheduler) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.U32(&s.Policy)
	c.U64(&s.Flags)
	c.Num(&s.Nice)
	c.U32(&s.Priority)
	c.U64(&s.Runtime)
	c.U64(&s.Deadline)
	c.U64(&s.Period)
}

func (s *SetIOPriority) Code(c *codec.Coder) {
	c.Num(&s.Class)
	c.Num(&s.Priority)
}

func (s *SetMemoryPolicy) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.U32(&s.Mode)
	codec.Plain(c, &s.Nodes)
}

func (s *SetLabels) Code(c *codec.Coder) {
	c.Str(&s.AppArmor)
	c.Str(&s.SELinux)
	c.Flag(&s.Stack)
}

func (s *SetIdentity) Code(c *codec.Coder) {
	c.U32(&s.UID)
	c.U32(&s.GID)
	codec.Plain(c, &s.Groups)
	c.U32(&s.Umask)
	c.Flag(&s.KeepGroups)
}

func (s *SetCapabilities) Code(c *codec.Coder) {
	c.U64(&s.Bounding)
	c.U64(&s.Effective)
	c.U64(&s.Permitted)
	c.U64(&s.Inheritable)
	c.U64(&s.Ambient)
	c.Num(&s.Last)
	c.Flag(&s.KeepAdmin)
}

func (*SetNoNewPrivs) Code(*codec.Coder) {}
func (s *Chdir) Code(c *codec.Coder)     { c.Str(&s.Path) }

func (s *FindExecutable) Code(c *codec.Coder) {
	c.Str(&s.Name)
	c.Str(&s.Path)
}

func (*WaitStart) Code(*codec.Coder) {}

func (s *SetRlimits) Code(c *codec.Coder) {
	codec.Room(c, &s.Limits)
	for i := range s.Limits {
		l := &s.Limits[i]
		c.Str(&l.Type)
		c.Num(&l.Resource)
		c.U64(&l.Soft)
		c.U64(&l.Hard)
	}
}

func (s *LoadSeccomp) Code(c *codec.Coder) {
	c.U32(&s.Flags)
	c.Flag(&s.Notify)
	codec.Plain(c, &s.Filter)
}

func (s *Execute) Code(c *codec.Coder) {
	c.Strs(&s.Args)
	c.Flag(&s.Home)
	if s.Home {
		c.StrsAndOne(&s.Env) // room for it
	} else {
		c.Strs(&s.Env)
	}
	c.U32(&s.UID)
	c.Flag(&s.ListenPID)
	c.Flag(&s.Alone)
}

func (s *EnterContainer) Code(c *codec.Coder) {
	c.Num(&s.Mount)
	c.Num(&s.Proc)
}

func (s *FindMount) Code(c *codec.Coder) {
	c.Str(&s.Target)
	codec.Plain(c, &s.Added)
}

func (*DetachMounts) Code(*codec.Coder)    {}
func (*EnterRoot) Code(*codec.Coder)       {}
func (s *JoinPID) Code(c *codec.Coder)     { c.Num(&s.Slot) }
func (s *OwnProc) Code(c *codec.Coder)     { c.Num(&s.Slot) }
func (s *CloneInside) Code(c *codec.Coder) { c.Flag(&s.Terminal) }
func (*CloseOthers) Code(*codec.Coder)     {}

func (s *DropAdmin) Code(c *codec.Coder) {
	c.U64(&s.Effective)
	c.U64(&s.Permitted)
	c.U64(&s.Inheritable)
}
