package plan

import (
	"fmt"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Kind identifies a step type in its binary form.
type Kind uint8

// The kinds of init's steps. What they are carried out by is in package initproc.
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
	KindAddDevice
	KindRemoveDevice
	KindEnterRoot
	KindJoinPID
	KindOwnProc
	KindCloneInside
	KindCloseOthers
	KindDropAdmin
	KindEnterRootfs
	kinds // their number
)

// CodeInit writes what init needs: its steps, without their fields. Init reports a
// failure by the index of the step, and the parent knows the field.
func (p *Plan) CodeInit(c *codec.Coder) error {
	n := len(p.Init)
	c.Num(&n)
	for i, item := range p.Init {
		step, ok := item.Step.(InitStep)
		if !ok {
			return fmt.Errorf("plan: step %d (%s) has no place in init", i, item)
		}
		at := c.Begin(uint32(step.InitKind()))
		step.Code(c)
		c.Finish(at)
	}
	return nil
}
