package plan

import "golang.org/x/sys/unix"

const (
	kindSetPropagation kind = iota
	kindAttachRoot
	kindMountFS
	kindOpenInRoot
	kindLendTree
	kindBind
	kindRemount
	kindMakeDevice
	kindMakeSymlink
	kindMakeDir
	kindMaskPath
	kindReadonlyPath
	kindPivotRoot
	kindMoveRoot
	kindSetRoot
	kindUnshareCgroup
	kindLoopbackUp
	kindSync
	kindHooks
	kindSetHostname
	kindSetDomainname
	kindSysctl
	kindJoinKeyring
	kindConsole
	kindReopenNull
	kindOwnStdio
	kindSetPersonality
	kindSetScheduler
	kindSetIOPriority
	kindSetMemoryPolicy
	kindSetLabels
	kindSetIdentity
	kindSetCapabilities
	kindSetNoNewPrivs
	kindChdir
	kindFindExecutable
	kindWaitStart
	kindSetRlimits
	kindLoadSeccomp
	kindExecute
	kindEnterContainer
	kindFindMount
	kindDetachMounts
	kindEnterRoot
	kindJoinPID
	kindOwnProc
	kindCloneInside
	kindCloseOthers
	kindDropAdmin
	kinds // their number
)

// newStep makes an empty step of a kind, nil if there is no such kind.
func newStep(k kind) InitStep {
	if k <= kindSetRoot {
		return newRootStep(k)
	}
	switch k {
	case kindUnshareCgroup:
		return new(UnshareCgroup)
	case kindLoopbackUp:
		return new(LoopbackUp)
	case kindSync:
		return new(Sync)
	case kindHooks:
		return new(Hooks)
	case kindSetHostname:
		return new(SetHostname)
	case kindSetDomainname:
		return new(SetDomainname)
	case kindSysctl:
		return new(Sysctl)
	case kindJoinKeyring:
		return new(JoinKeyring)
	case kindConsole:
		return new(Console)
	case kindReopenNull:
		return new(ReopenNull)
	case kindOwnStdio:
		return new(OwnStdio)
	case kindSetPersonality:
		return new(SetPersonality)
	case kindSetScheduler:
		return new(SetScheduler)
	case kindSetIOPriority:
		return new(SetIOPriority)
	case kindSetMemoryPolicy:
		return new(SetMemoryPolicy)
	case kindSetLabels:
		return new(SetLabels)
	case kindSetIdentity:
		return new(SetIdentity)
	case kindSetCapabilities:
		return new(SetCapabilities)
	case kindSetNoNewPrivs:
		return new(SetNoNewPrivs)
	case kindChdir:
		return new(Chdir)
	case kindFindExecutable:
		return new(FindExecutable)
	case kindWaitStart:
		return new(WaitStart)
	case kindSetRlimits:
		return new(SetRlimits)
	case kindLoadSeccomp:
		return new(LoadSeccomp)
	case kindExecute:
		return new(Execute)
	}
	return newLiveStep(k)
}

// newRootStep is newStep for what makes the root filesystem.
func newRootStep(k kind) InitStep {
	switch k {
	case kindSetPropagation:
		return new(SetPropagation)
	case kindAttachRoot:
		return new(AttachRoot)
	case kindMountFS:
		return new(MountFS)
	case kindOpenInRoot:
		return new(OpenInRoot)
	case kindLendTree:
		return new(LendTree)
	case kindBind:
		return new(Bind)
	case kindRemount:
		return new(Remount)
	case kindMakeDevice:
		return new(MakeDevice)
	case kindMakeSymlink:
		return new(MakeSymlink)
	case kindMakeDir:
		return new(MakeDir)
	case kindMaskPath:
		return new(MaskPath)
	case kindReadonlyPath:
		return new(ReadonlyPath)
	case kindPivotRoot:
		return new(PivotRoot)
	case kindMoveRoot:
		return new(MoveRoot)
	case kindSetRoot:
		return new(SetRoot)
	}
	return nil
}

// newLiveStep is newStep for containers that exist.
func newLiveStep(k kind) InitStep {
	switch k {
	case kindEnterContainer:
		return new(EnterContainer)
	case kindFindMount:
		return new(FindMount)
	case kindDetachMounts:
		return new(DetachMounts)
	}
	return newExecStep(k)
}

// newExecStep makes the steps that only exec has.
func newExecStep(k kind) InitStep {
	switch k {
	case kindEnterRoot:
		return new(EnterRoot)
	case kindJoinPID:
		return new(JoinPID)
	case kindOwnProc:
		return new(OwnProc)
	case kindCloneInside:
		return new(CloneInside)
	case kindCloseOthers:
		return new(CloseOthers)
	case kindDropAdmin:
		return new(DropAdmin)
	}
	return nil
}

func (*SetPropagation) kind() kind  { return kindSetPropagation }
func (*AttachRoot) kind() kind      { return kindAttachRoot }
func (*MountFS) kind() kind         { return kindMountFS }
func (*OpenInRoot) kind() kind      { return kindOpenInRoot }
func (*LendTree) kind() kind        { return kindLendTree }
func (*Bind) kind() kind            { return kindBind }
func (*Remount) kind() kind         { return kindRemount }
func (*MakeDevice) kind() kind      { return kindMakeDevice }
func (*MakeSymlink) kind() kind     { return kindMakeSymlink }
func (*MakeDir) kind() kind         { return kindMakeDir }
func (*MaskPath) kind() kind        { return kindMaskPath }
func (*ReadonlyPath) kind() kind    { return kindReadonlyPath }
func (*PivotRoot) kind() kind       { return kindPivotRoot }
func (*MoveRoot) kind() kind        { return kindMoveRoot }
func (*SetRoot) kind() kind         { return kindSetRoot }
func (*UnshareCgroup) kind() kind   { return kindUnshareCgroup }
func (*LoopbackUp) kind() kind      { return kindLoopbackUp }
func (*Sync) kind() kind            { return kindSync }
func (*Hooks) kind() kind           { return kindHooks }
func (*SetHostname) kind() kind     { return kindSetHostname }
func (*SetDomainname) kind() kind   { return kindSetDomainname }
func (*Sysctl) kind() kind          { return kindSysctl }
func (*JoinKeyring) kind() kind     { return kindJoinKeyring }
func (*Console) kind() kind         { return kindConsole }
func (*ReopenNull) kind() kind      { return kindReopenNull }
func (*OwnStdio) kind() kind        { return kindOwnStdio }
func (*SetPersonality) kind() kind  { return kindSetPersonality }
func (*SetScheduler) kind() kind    { return kindSetScheduler }
func (*SetIOPriority) kind() kind   { return kindSetIOPriority }
func (*SetMemoryPolicy) kind() kind { return kindSetMemoryPolicy }
func (*SetLabels) kind() kind       { return kindSetLabels }
func (*SetIdentity) kind() kind     { return kindSetIdentity }
func (*SetCapabilities) kind() kind { return kindSetCapabilities }
func (*SetNoNewPrivs) kind() kind   { return kindSetNoNewPrivs }
func (*Chdir) kind() kind           { return kindChdir }
func (*FindExecutable) kind() kind  { return kindFindExecutable }
func (*WaitStart) kind() kind       { return kindWaitStart }
func (*SetRlimits) kind() kind      { return kindSetRlimits }
func (*LoadSeccomp) kind() kind     { return kindLoadSeccomp }
func (*Execute) kind() kind         { return kindExecute }
func (*EnterContainer) kind() kind  { return kindEnterContainer }
func (*FindMount) kind() kind       { return kindFindMount }
func (*DetachMounts) kind() kind    { return kindDetachMounts }
func (*EnterRoot) kind() kind       { return kindEnterRoot }
func (*JoinPID) kind() kind         { return kindJoinPID }
func (*OwnProc) kind() kind         { return kindOwnProc }
func (*CloneInside) kind() kind     { return kindCloneInside }
func (*CloseOthers) kind() kind     { return kindCloseOthers }
func (*DropAdmin) kind() kind       { return kindDropAdmin }

func (a *Attr) code(c *coder) {
	c.u64(&a.Set)
	c.u64(&a.Clear)
}

func (o *MountOptions) code(c *coder) {
	o.Attr.code(c)
	c.u64(&o.Others)
	o.Recursive.code(c)
	list(c, &o.Propagation, c.u64)
	c.flag(&o.NoFollow)
}

func (s *SetPropagation) code(c *coder) { c.u64(&s.Flags) }

func (s *AttachRoot) code(c *coder) {
	c.num(&s.Slot)
	c.u64(&s.Propagation)
	c.flag(&s.Private)
}

func (s *MountFS) code(c *coder) {
	c.str(&s.Type)
	c.str(&s.Source)
	c.str(&s.Target)
	c.strs(&s.Params)
	s.Options.code(c)
	c.flag(&s.CopyUp)
	c.num(&s.Fallback)
	c.flag(&s.Made)
	c.flag(&s.Keep)
	c.flag(&s.Mask)
}

func (s *OpenInRoot) code(c *coder) {
	c.str(&s.Path)
	c.flag(&s.Recursive)
	c.flag(&s.NoFollow)
}

func (*LendTree) code(*coder) {}

func (s *Bind) code(c *coder) {
	c.num(&s.Slot)
	c.str(&s.Source)
	c.str(&s.Target)
	c.flag(&s.CopyLink)
	s.Options.code(c)
}

func (s *Remount) code(c *coder) {
	c.str(&s.Target)
	c.strs(&s.Params)
	s.Options.code(c)
}

func (s *MakeDevice) code(c *coder) {
	c.str(&s.Path)
	c.str(&s.Type)
	c.i64(&s.Major)
	c.i64(&s.Minor)
	c.u32(&s.Mode)
	c.u32(&s.UID)
	c.u32(&s.GID)
	c.num(&s.Slot)
}

func (s *MakeSymlink) code(c *coder) {
	c.str(&s.Target)
	c.str(&s.Path)
}

func (s *MakeDir) code(c *coder)      { c.str(&s.Path) }
func (s *MaskPath) code(c *coder)     { c.str(&s.Path) }
func (s *ReadonlyPath) code(c *coder) { c.str(&s.Path) }
func (*PivotRoot) code(*coder)        {}
func (*MoveRoot) code(*coder)         {}

func (s *SetRoot) code(c *coder) {
	c.flag(&s.Readonly)
	c.u64(&s.Propagation)
}

func (*UnshareCgroup) code(*coder) {}
func (*LoopbackUp) code(*coder)    {}

func (s *Sync) code(c *coder) {
	v := uint32(s.Phase)
	c.u32(&v)
	s.Phase = Phase(v)
	c.flag(&s.Quiet)
}

func (s *Hooks) code(c *coder) {
	c.num(&s.Log.Stdout)
	c.num(&s.Log.Stderr)
	c.str(&s.Kind)
	c.str(&s.Dir)
	c.flag(&s.Confined)
	c.str(&s.Before)
	c.str(&s.After)
	list(c, &s.Hooks, func(h *Hook) {
		c.str(&h.Path)
		c.strs(&h.Args)
		c.strs(&h.Env)
		c.flag(&h.ProcessEnv)
		c.num(&h.Timeout)
	})
}

func (s *SetHostname) code(c *coder)   { c.str(&s.Name) }
func (s *SetDomainname) code(c *coder) { c.str(&s.Name) }

func (s *Sysctl) code(c *coder) {
	c.str(&s.Key)
	c.str(&s.Value)
}

func (s *JoinKeyring) code(c *coder) {
	c.str(&s.Name)
	c.str(&s.Label)
}

func (s *Console) code(c *coder) {
	c.u32(&s.Width)
	c.u32(&s.Height)
	c.u32(&s.UID)
	c.flag(&s.Mount)
	c.flag(&s.Uncontrolled)
}

func (s *OwnStdio) code(c *coder) {
	c.u32(&s.UID)
	c.flag(&s.PipesOnly)
}

func (*ReopenNull) code(*coder)         {}
func (s *SetPersonality) code(c *coder) { c.u32(&s.Persona) }

func (s *SetScheduler) code(c *coder) {
	c.str(&s.Name)
	c.u32(&s.Policy)
	c.u64(&s.Flags)
	c.num(&s.Nice)
	c.u32(&s.Priority)
	c.u64(&s.Runtime)
	c.u64(&s.Deadline)
	c.u64(&s.Period)
}

func (s *SetIOPriority) code(c *coder) {
	c.num(&s.Class)
	c.num(&s.Priority)
}

func (s *SetMemoryPolicy) code(c *coder) {
	c.str(&s.Name)
	c.u32(&s.Mode)
	list(c, &s.Nodes, c.u64)
}

func (s *SetLabels) code(c *coder) {
	c.str(&s.AppArmor)
	c.str(&s.SELinux)
	c.flag(&s.Stack)
}

func (s *SetIdentity) code(c *coder) {
	c.u32(&s.UID)
	c.u32(&s.GID)
	list(c, &s.Groups, c.u32)
	c.u32(&s.Umask)
	c.flag(&s.KeepGroups)
}

func (s *SetCapabilities) code(c *coder) {
	c.u64(&s.Bounding)
	c.u64(&s.Effective)
	c.u64(&s.Permitted)
	c.u64(&s.Inheritable)
	c.u64(&s.Ambient)
	c.num(&s.Last)
	c.flag(&s.KeepAdmin)
}

func (*SetNoNewPrivs) code(*coder) {}
func (s *Chdir) code(c *coder)     { c.str(&s.Path) }

func (s *FindExecutable) code(c *coder) {
	c.str(&s.Name)
	c.str(&s.Path)
}

func (*WaitStart) code(*coder) {}

func (s *SetRlimits) code(c *coder) {
	list(c, &s.Limits, func(l *Rlimit) {
		c.str(&l.Type)
		c.num(&l.Resource)
		c.u64(&l.Soft)
		c.u64(&l.Hard)
	})
}

func (s *LoadSeccomp) code(c *coder) {
	c.u32(&s.Flags)
	c.flag(&s.Notify)
	list(c, &s.Filter, func(f *unix.SockFilter) {
		packed := uint64(f.Code)<<48 | uint64(f.Jt)<<40 | uint64(f.Jf)<<32 | uint64(f.K)
		c.u64(&packed)
		*f = unix.SockFilter{Code: uint16(packed >> 48), Jt: uint8(packed >> 40), Jf: uint8(packed >> 32), K: uint32(packed)}
	})
}

func (s *Execute) code(c *coder) {
	c.strs(&s.Args)
	c.strs(&s.Env)
	c.flag(&s.Home)
	c.u32(&s.UID)
	c.flag(&s.ListenPID)
	c.flag(&s.Alone)
}

func (s *EnterContainer) code(c *coder) {
	c.num(&s.Mount)
	c.num(&s.Proc)
}

func (s *FindMount) code(c *coder) {
	c.str(&s.Target)
	list(c, &s.Added, c.u64)
}

func (*DetachMounts) code(*coder)    {}
func (*EnterRoot) code(*coder)       {}
func (s *JoinPID) code(c *coder)     { c.num(&s.Slot) }
func (s *OwnProc) code(c *coder)     { c.num(&s.Slot) }
func (s *CloneInside) code(c *coder) { c.flag(&s.Terminal) }
func (*CloseOthers) code(*coder)     {}

func (s *DropAdmin) code(c *coder) {
	c.u64(&s.Effective)
	c.u64(&s.Permitted)
	c.u64(&s.Inheritable)
}
