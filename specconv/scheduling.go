package specconv

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// schedulingBuilder plans when and where the process runs.
type schedulingBuilder struct {
	*draft
	ns *namespaceBuilder
}

// planScheduling plans process.scheduler, process.ioPriority,
// linux.memoryPolicy and linux.personality.
func (b *schedulingBuilder) planScheduling() error {
	if err := b.planPersonality(); err != nil {
		return err
	}
	if err := b.planScheduler(); err != nil {
		return err
	}
	if err := b.planIOPriority(); err != nil {
		return err
	}
	return b.planMemoryPolicy()
}

// planPersonality: see personality(2).
func (b *schedulingBuilder) planPersonality() error {
	p := b.linux.Personality
	if p == nil {
		return nil
	}
	if len(p.Flags) > 0 {
		return invalid("linux.personality.flags", "leave them out", "%q, but the specification has no flags yet", p.Flags)
	}
	const perLinux32 = 0x0008 // PER_LINUX32 in linux/personality.h
	var persona uint32
	switch p.Domain {
	case specs.PerLinux:
	case specs.PerLinux32:
		persona = perLinux32
	default:
		return invalid("linux.personality.domain", "", "unknown domain %q, expected LINUX or LINUX32", p.Domain)
	}
	b.add("linux.personality", &plan.SetPersonality{Persona: persona})
	return nil
}

// schedPolicy gives the number of a policy, see sched(7); -1: unknown.
func schedPolicy(policy specs.LinuxSchedulerPolicy) int {
	switch policy {
	case specs.SchedOther:
		return unix.SCHED_NORMAL
	case specs.SchedFIFO:
		return unix.SCHED_FIFO
	case specs.SchedRR:
		return unix.SCHED_RR
	case specs.SchedBatch:
		return unix.SCHED_BATCH
	case specs.SchedISO:
		return 4 // reserved, and answered with EINVAL by all kernels so far
	case specs.SchedIdle:
		return unix.SCHED_IDLE
	case specs.SchedDeadline:
		return unix.SCHED_DEADLINE
	}
	return -1
}

// schedFlag gives the bit of a flag, see sched_setattr(2); 0: unknown.
func schedFlag(flag specs.LinuxSchedulerFlag) uint64 {
	switch flag {
	case specs.SchedFlagResetOnFork:
		return unix.SCHED_FLAG_RESET_ON_FORK
	case specs.SchedFlagReclaim:
		return unix.SCHED_FLAG_RECLAIM
	case specs.SchedFlagDLOverrun:
		return unix.SCHED_FLAG_DL_OVERRUN
	case specs.SchedFlagKeepPolicy:
		return unix.SCHED_FLAG_KEEP_POLICY
	case specs.SchedFlagKeepParams:
		return unix.SCHED_FLAG_KEEP_PARAMS
	case specs.SchedFlagUtilClampMin:
		return unix.SCHED_FLAG_UTIL_CLAMP_MIN
	case specs.SchedFlagUtilClampMax:
		return unix.SCHED_FLAG_UTIL_CLAMP_MAX
	}
	return 0
}

func (b *schedulingBuilder) planScheduler() error {
	step, err := b.scheduler()
	if err == nil && step != nil && b.ns.pidLast == nil { // see adoptLast
		b.add("process.scheduler", step)
	}
	return err
}

// scheduler resolves process.scheduler; nil: absent.
func (b *schedulingBuilder) scheduler() (*plan.SetScheduler, error) {
	s := b.process.Scheduler
	if s == nil {
		return nil, nil
	}
	const field = "process.scheduler"
	policy := schedPolicy(s.Policy)
	if policy < 0 {
		return nil, invalid(field+".policy", "", "unknown scheduling policy %q, expected one of sched(7) such as SCHED_BATCH", s.Policy)
	}
	if s.Nice < -20 || s.Nice > 19 {
		return nil, invalid(field+".nice", "", "%d is out of range, expected -20 to 19", s.Nice)
	}
	realtime := s.Policy == specs.SchedFIFO || s.Policy == specs.SchedRR
	switch {
	case realtime && (s.Priority < 1 || s.Priority > 99):
		return nil, invalid(field+".priority", "", "%d is out of range, expected 1 to 99 with %s", s.Priority, s.Policy)
	case !realtime && s.Priority != 0:
		return nil, invalid(field+".priority", "", "%d, expected a priority with SCHED_FIFO and SCHED_RR only, not with %s", s.Priority, s.Policy)
	case s.Policy != specs.SchedDeadline && s.Runtime|s.Deadline|s.Period != 0:
		return nil, invalid(field, "", "runtime, deadline and period are for SCHED_DEADLINE, not for %s", s.Policy)
	case s.Policy == specs.SchedDeadline && s.Runtime == 0:
		return nil, invalid(field+".runtime", "", "0, expected the nanoseconds of each period with SCHED_DEADLINE")
	case s.Policy == specs.SchedDeadline && (s.Runtime > s.Deadline || s.Period != 0 && s.Deadline > s.Period):
		return nil, invalid(field, "", "runtime %d exceeds deadline %d, or that the period %d, expected them in this order", s.Runtime, s.Deadline, s.Period)
	}
	step := &plan.SetScheduler{
		Name: string(s.Policy), Policy: uint32(policy), Nice: int(s.Nice), Priority: uint32(s.Priority),
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	}
	for i, flag := range s.Flags {
		bit := schedFlag(flag)
		if bit == 0 {
			return nil, invalid(index(field+".flags", i), "", "unknown scheduling flag %q, expected one of sched_setattr(2)", flag)
		}
		step.Flags |= bit
	}
	return step, nil
}

func (b *schedulingBuilder) planIOPriority() error {
	p := b.process.IOPriority
	if p == nil {
		return nil
	}
	var class int // IOPRIO_CLASS_* of ioprio_set(2)
	switch p.Class {
	case specs.IOPRIO_CLASS_RT:
		class = 1
	case specs.IOPRIO_CLASS_BE:
		class = 2
	case specs.IOPRIO_CLASS_IDLE:
		class = 3
	default:
		return invalid("process.ioPriority.class", "", "unknown class %q, expected IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE", p.Class)
	}
	if p.Priority < 0 || p.Priority > 7 {
		return invalid("process.ioPriority.priority", "", "%d is out of range, expected 0 to 7", p.Priority)
	}
	b.add("process.ioPriority", &plan.SetIOPriority{Class: class, Priority: p.Priority})
	return nil
}
