package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// spawn makes init, journals it, and gives it its half of the plan.
func (c *creation) spawn(s *plan.Spawn) error {
	defer c.takeBackRlimits()
	config, joined, err := c.spawnConfig(s)
	defer closeAll(joined)
	if err != nil {
		return err
	}
	c.spawned = config
	// Init starts in the root filesystem's directory: in its own mount
	// namespace it then needs no path, and no permission, to find it.
	if err := unix.Fchdir(c.rootfs); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	err = c.withPipes(func() error {
		c.init, err = c.startSpawn(config)
		if notEntered(c.cgroup, err) {
			return c.spawnByUnit(config, err)
		}
		return err
	})
	if backErr := unix.Chdir(c.opts.Bundle); err == nil && backErr != nil {
		err = os.NewSyscallError("chdir", backErr)
	}
	if err != nil {
		return joinError(err, s)
	}
	if c.journal.Init, err = identify(c.init.Pid); err != nil {
		return err
	}
	if c.cgroup != nil && !s.Outside {
		if err := c.aloneInCgroup(); err != nil {
			return err
		}
	}
	// While init starts: it costs the container no time.
	if err := c.keep(); err != nil {
		return err
	}
	if !c.runsHooks() && !c.movesNetDevices() {
		// Nobody is asked to look at the container before it is created, and
		// who does unasked has to wait for the lock: one write for both.
		c.journal.Status = specs.StateCreated
	}
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	return c.sendPlan()
}

// startSpawn makes a process, in a cgroup that has to be made threaded if need be.
func (c *creation) startSpawn(config *spawn.Config) (*spawn.Process, error) {
	p, err := spawn.Start(config)
	if notBorn(err) != unix.EOPNOTSUPP {
		return p, err
	}
	threaded, typeErr := c.cgroup.MakeThreaded()
	if typeErr != nil {
		return p, fieldError("linux.cgroupsPath", typeErr)
	}
	if threaded {
		return spawn.Start(config)
	}
	return p, err
}

// aloneInCgroup refuses a cgroup into which another container was born since it was
// found to be empty. Whoever comes second sees the first; both may see each other.
func (c *creation) aloneInCgroup() error {
	if c.unit != nil {
		return nil // named by systemd, for this container alone
	}
	err := c.cgroup.Alone(c.init.Pid)
	c.shared = errors.Is(err, cgroups.ErrNotEmpty)
	return err
}

// spawnByUnit has systemd move init into its cgroup, if that was delegated to the
// user with a unit which this process is not in.
func (c *creation) spawnByUnit(config *spawn.Config, cause error) error {
	cgroup := c.cgroup.Path()
	if unitOf(cgroup) == "" {
		return notFromHere(cause, cgroup)
	}
	config.Cgroup = -1
	config.Place = func(pid int) error { return attach(true, "", cgroup, pid) }
	var err error
	c.init, err = spawn.Start(config)
	return err
}

// runsHooks tells whether hooks will run before the container is created.
func (c *creation) runsHooks() bool {
	h := c.spec.Hooks
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 //nolint:staticcheck // deprecated, but engines use it
}

// checkJoin refuses a namespace of the runtime's own that the container would
// change.
func checkJoin(ns *plan.Namespace, fd int) error {
	if ns.Type != specs.MountNamespace && ns.Changes == "" {
		return nil
	}
	own, err := sys.DescriptorIsOf(fd, "/proc/self/ns/"+proc.NamespaceOf(ns.Type).File)
	switch {
	case err != nil:
		return fieldError(ns.Field, err)
	case !own:
		return nil
	case ns.Type == specs.MountNamespace:
		return fieldError(ns.Field, &OwnNamespaceError{*ns})
	}
	return fieldError(ns.Changes, &OwnNamespaceError{*ns})
}

// OwnNamespaceError means that a namespace to join is the runtime's own.
type OwnNamespaceError struct{ plan.Namespace }

func (e *OwnNamespaceError) Error() string {
	if e.Type == specs.MountNamespace {
		return fmt.Sprintf("%q is the runtime's own mount namespace: the container's root would become the host's", e.Path)
	}
	return fmt.Sprintf("not in a separate kernel namespace: %q is the runtime's own %s namespace", e.Path, e.Type)
}

// spawnConfig opens what spawning needs: the sealed binary, which the creation
// keeps (see executed), and the namespaces to join.
func (c *creation) spawnConfig(s *plan.Spawn) (config *spawn.Config, joined []int, err error) {
	if c.self, err = spawn.SealedSelf(c.dir.FD(), spawn.Audience{UIDs: s.UIDMaps, Exposed: exposed(s)}); err != nil {
		return nil, nil, fmt.Errorf("seal the runtime's binary: %w", err)
	}
	config = &spawn.Config{Exe: c.self.FD, Args: []string{initproc.Name}, Cgroup: -1, NewTime: s.NewTime, TimeOffsets: offsets(s.TimeOffsets), KeepGroups: s.KeepGroups}
	if c.cgroup != nil && !s.Outside {
		config.Cgroup = c.cgroup.FD()
	} else if c.unit != nil {
		config.Place = c.startUnit
	}
	for _, ns := range s.New {
		config.New |= proc.NamespaceOf(ns).Flag
	}
	for _, ns := range s.Join {
		if ns.Last {
			continue
		}
		fd, err := sys.OpenNamespace(ns.Path)
		if err != nil {
			return nil, joined, fieldError(ns.Field, err)
		}
		joined = append(joined, fd)
		if err := checkJoin(&ns, fd); err != nil {
			return nil, joined, err
		}
		config.Joins = append(config.Joins, spawn.Join{FD: fd, Type: proc.NamespaceOf(ns.Type).Flag})
	}
	if config.New&unix.CLONE_NEWUSER != 0 {
		maps := spawn.IDMaps{UIDs: s.UIDMaps, GIDs: s.GIDMaps}
		config.MapIDs = maps.Write
		config.UID, config.GID = spawn.Root(s.UIDMaps), spawn.Root(s.GIDMaps)
		config.SetGroups = maps.SetGroups()
	}
	return config, joined, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// joinError names the field of the namespace that could not be joined, or the
// mapping that could not be made.
func joinError(err error, s *plan.Spawn) error {
	var m *spawn.MapError
	if errors.As(err, &m) {
		field := "linux.uidMappings"
		if m.Groups {
			field = "linux.gidMappings"
		}
		if m.Index >= 0 {
			field += "[" + strconv.Itoa(m.Index) + "]"
		}
		return fieldError(field, err)
	}
	var e *spawn.JoinError
	if errors.As(err, &e) && e.Join {
		ns := s.Join[e.Index]
		return fieldError(ns.Field, fmt.Errorf("join %q: %w", ns.Path, err))
	}
	if errors.Is(err, unix.ERANGE) {
		return offsetError(err, s.TimeOffsets)
	}
	return err
}

// offsetError names the clock that an offset moves out of its range.
func offsetError(err error, offsets map[string]specs.LinuxTimeOffset) error {
	const most = (1<<63 - 1) / 1000000000 / 2 // seconds, half of what the kernel's clocks can count
	for _, clock := range [...]struct {
		name string
		id   int32
	}{{"monotonic", unix.CLOCK_MONOTONIC}, {"boottime", unix.CLOCK_BOOTTIME}} {
		offset, ok := offsets[clock.name]
		var now unix.Timespec
		if !ok || unix.ClockGettime(clock.id, &now) != nil || offset.Secs >= -now.Sec && offset.Secs <= most-now.Sec {
			continue
		}
		return fieldError("linux.timeOffsets."+clock.name, fmt.Errorf("%d seconds: %w: expected %d to %d now, which keep the clock between 0 and %d",
			offset.Secs, err, -now.Sec, most-now.Sec, int64(most)))
	}
	return err
}

// offsets writes the text that timens_offsets takes, see time_namespaces(7).
func offsets(m map[string]specs.LinuxTimeOffset) []byte {
	var b []byte
	for _, clock := range [...]string{"monotonic", "boottime"} {
		if o, ok := m[clock]; ok {
			b = fmt.Appendf(b, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
	return b
}

func (c *creation) sendPlan() error {
	opening := wire.Opening{Trees: c.trees, Trace: c.trace != nil, PreserveFDs: c.opts.ListenFDs + c.opts.PreserveFDs, Holes: c.opts.Holes}
	var after []int
	if c.self.Mount >= 0 && c.pivots() {
		opening.Own, after = true, append(after, c.self.Mount)
	}
	if !c.waits {
		return c.sendFirst(opening, after...)
	}
	start, answer, err := c.dir.InitFifos()
	if err != nil {
		return err
	}
	defer unix.Close(start)
	defer unix.Close(answer)
	opening.Fifos = true
	return c.sendFirst(opening, append(after, start, answer)...)
}

// sendFirst sends the plan with the first trees. To make room for others they are
// init's alone then; else the parent, which lives longer, keeps them: whoever is the
// last to close a tree has to wait for the lock on all mounts.
func (c *creation) sendFirst(opening wire.Opening, after ...int) error {
	err := c.send(opening, after...)
	if slices.ContainsFunc(c.plan.Parent, func(i plan.Item) bool { _, ok := i.Step.(*plan.SendTrees); return ok }) {
		c.dropTrees()
	}
	return err
}

// pivots tells whether init will leave the old root behind.
func (c *creation) pivots() bool {
	return slices.ContainsFunc(c.plan.Init, func(i plan.Item) bool { _, ok := i.Step.(*plan.PivotRoot); return ok })
}

// send sends init its half of the plan, with the descriptors of the slots and
// what comes after them.
func (c *creation) send(opening wire.Opening, after ...int) error {
	c.terminal = slices.ContainsFunc(c.plan.Init, func(i plan.Item) bool { _, ok := i.Step.(*plan.Console); return ok })
	fds := append(wire.FDs(opening.Trees), after...)
	if c.progress = wire.NewProgress(); c.progress != nil {
		opening.Progress, fds = true, append(fds, c.progress.FD())
	}
	var err error
	payload := codec.Encode(func(to *codec.Coder) {
		opening.Code(to)
		err = c.plan.CodeInit(to)
	})
	if err != nil {
		return err
	}
	if err := c.init.Conn.Send(wire.Plan, payload, fds...); err != nil {
		return c.lost(err)
	}
	return nil
}

// await waits for init's word that it has come to a phase.
func (c *creation) await(phase plan.Phase) error {
	_, err := c.awaitMounts(phase)
	return err
}

// awaitMounts is await for what tells the ids of mounts with its word.
func (c *creation) awaitMounts(phase plan.Phase) ([]uint64, error) {
	m, err := c.next(wire.Phase)
	if err != nil {
		return nil, err
	}
	m.Close()
	at, mounts, err := wire.DecodePhase(m.Payload)
	if err != nil || at != phase {
		return nil, fmt.Errorf("unexpected message %d from init: %d bytes, expected phase %v", m.Kind, len(m.Payload), phase)
	}
	return mounts, nil
}

// next waits for init's next message of a kind. What may come before it is
// dealt with.
func (c *creation) next(kind wire.Kind) (wire.Message, error) {
	for {
		if kind == wire.Cloned {
			if err := c.hasWord(); err != nil {
				return wire.Message{}, err
			}
		}
		m, err := c.init.Conn.Recv()
		if errors.Is(err, wire.ErrTimeout) {
			err = held()
		}
		if err != nil {
			return m, c.lost(err)
		}
		if m.Kind != kind && m.Kind != wire.Terminal {
			m.Close()
		}
		switch {
		case m.Kind == kind:
			return m, nil
		case m.Kind == wire.Failed:
			return m, c.failed(m.Payload)
		case m.Kind == wire.Trace && c.trace != nil:
			if err := c.trace.add(m.Payload); err != nil {
				return m, err
			}
		case m.Kind == wire.SpawnFailed:
			return m, c.spawnFailed(m.Payload)
		case m.Kind == wire.Terminal && len(m.FDs) == 1 && c.terminal:
			c.terminal = false
			if err := c.takeTerminal(m.FDs[0]); err != nil {
				return m, err
			}
		default:
			m.Close()
			return m, fmt.Errorf("unexpected message %d from init", m.Kind)
		}
	}
}

// spawnFailed is for what goes wrong behind Start's back, such as a time namespace.
func (c *creation) spawnFailed(payload []byte) error {
	err := c.spawned.Failure(payload)
	if s := c.spawnStep(); s != nil {
		return joinError(err, s)
	}
	return err // of exec's init, or a visitor
}

// failed turns init's failure into an error that names the step and its field.
func (c *creation) failed(payload []byte) error {
	f, err := wire.DecodeFailure(payload)
	if err != nil {
		return err
	}
	e := c.failedAt(f)
	if _, ok := e.Item.Step.(*plan.FindExecutable); ok {
		// Engines and their users know these words of runc's.
		e.Err = fmt.Errorf("unable to start container process: %w", f)
	}
	return e
}

func (c *creation) letGo() error {
	if err := c.init.Conn.Send(wire.Continue, nil); err != nil {
		return c.lost(err)
	}
	return nil
}
