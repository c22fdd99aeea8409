package main

import (
	"reflect"

	"github.com/crun-go/crun-go/specconv/plan"
)

// steps has one of each of init's steps.
var steps = []plan.InitStep{
	&plan.SetPropagation{}, &plan.AttachRoot{}, &plan.MountFS{}, &plan.OpenInRoot{}, &plan.LendTree{}, &plan.Bind{}, &plan.Remount{},
	&plan.MakeDevice{}, &plan.MakeSymlink{}, &plan.MakeDir{}, &plan.MaskPath{}, &plan.ReadonlyPath{}, &plan.PivotRoot{}, &plan.MoveRoot{},
	&plan.TakeRoot{}, &plan.Chroot{}, &plan.SetRoot{}, &plan.UnshareCgroup{}, &plan.LoopbackUp{}, &plan.Sync{}, &plan.Hooks{},
	&plan.SetHostname{}, &plan.SetDomainname{}, &plan.Sysctl{}, &plan.JoinKeyring{}, &plan.Console{}, &plan.ReopenNull{}, &plan.OwnStdio{},
	&plan.SetPersonality{}, &plan.SetScheduler{}, &plan.SetIOPriority{}, &plan.SetMemoryPolicy{}, &plan.SetLabels{}, &plan.SetIdentity{},
	&plan.SetCapabilities{}, &plan.SetNoNewPrivs{}, &plan.Chdir{}, &plan.FindExecutable{}, &plan.WaitStart{}, &plan.SetRlimits{},
	&plan.LoadSeccomp{}, &plan.Execute{}, &plan.EnterContainer{}, &plan.FindMount{}, &plan.DetachMounts{}, &plan.AddDevice{}, &plan.RemoveDevice{}, &plan.EnterRoot{}, &plan.JoinPID{},
	&plan.OwnProc{}, &plan.CloneInside{}, &plan.CloseOthers{}, &plan.DropAdmin{},
}

// newStep makes a step of a kind to read it into; nil: there is none.
func newStep(kind plan.Kind) plan.InitStep {
	for _, s := range steps {
		if s.InitKind() == kind {
			return reflect.New(reflect.TypeOf(s).Elem()).Interface().(plan.InitStep)
		}
	}
	return nil
}
