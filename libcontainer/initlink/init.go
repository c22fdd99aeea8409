// Package initlink is the parent's side of a conversation with an init: what create,
// exec and a change of mounts spawn to carry out init's half of a plan.
package initlink

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// AnswerTime bounds how long an init may take for each answer whose work a container
// can hold up.
const AnswerTime = time.Minute

// Init is an init and, from Adopt on, the process that it has cloned.
type Init struct {
	*spawn.Process // nil: none, or it is known to have ended

	Owner    Owner
	Plan     *plan.Plan
	Root     string        // the container's root directory, for advice about a failure
	Trace    *Trace        // nil: none
	Patience time.Duration // with all that is answered; 0: endless

	launch
	former   *spawn.Process // the init that has cloned the process, killed and not reaped yet
	progress *wire.Progress // where init is, until it is ready; of exec, until it executes
	terminal bool           // init has still to send the master of its terminal
}

// launch is what an init is started from.
type launch struct {
	sealed *spawn.Sealed
	config *spawn.Config
	step   *plan.Spawn // that config follows from; nil: not create's
}

// Owner is the operation that has an init made.
type Owner interface {
	// Cgroup is the cgroup that init is in; nil: none. What it allows may be why
	// init has ended.
	Cgroup() *cgroups.Cgroup
	// TakeTerminal takes over the descriptor of a terminal's master.
	TakeTerminal(master int) error
}

// Seal opens this program for Start, see [spawn.SealedSelf].
func (l *launch) Seal(other int, a spawn.Audience) error {
	sealed, err := spawn.SealedSelf(other, a)
	if err != nil {
		return fmt.Errorf("seal the runtime's binary: %w", err)
	}
	l.sealed = &sealed
	return nil
}

// Mount is the mount that the sealed program is on, if it has one of its own; or -1.
func (l *launch) Mount() int { return l.sealed.Mount }

// Unseal closes the sealed program.
func (l *launch) Unseal() {
	if l.sealed != nil {
		l.sealed.Close()
		l.sealed = nil
	}
}

// Start makes init from the sealed program, in a cgroup that has to be made threaded if
// need be. step is create's step that has asked for it, or nil.
func (i *Init) Start(config *spawn.Config, step *plan.Spawn) error {
	i.config, i.step = config, step
	config.Exe, config.Args = i.sealed.FD, []string{initproc.Name}
	p, err := spawn.Start(config)
	var refused *spawn.CloneError
	if errors.As(err, &refused) && refused.Errno == unix.EOPNOTSUPP && config.Cgroup >= 0 {
		threaded, typeErr := i.Owner.Cgroup().MakeThreaded()
		if typeErr != nil {
			return plan.InField("linux.cgroupsPath", typeErr)
		}
		if threaded {
			p, err = spawn.Start(config)
		}
	}
	if err != nil {
		return i.spawnError(err)
	}
	i.Process = p
	i.Trace.born(p.Pid)
	if i.Patience == 0 {
		return nil
	}
	return i.Conn.Bound(i.Patience)
}

// SendPlan sends init its half of the plan, with the descriptors of the slots and what
// comes after them.
func (i *Init) SendPlan(opening wire.Opening, after ...int) error {
	opening.Trace = i.Trace != nil
	opening.Live = opening.Trace && i.Trace.asked.Step != nil
	i.terminal = plan.Has[*plan.Console](i.Plan.Init)
	fds := append(wire.FDs(opening.Trees), after...)
	if i.progress = wire.NewProgress(); i.progress != nil {
		opening.Progress, fds = true, append(fds, i.progress.FD())
	}
	var err error
	payload := codec.Encode(func(to *codec.Coder) {
		opening.Code(to)
		err = i.Plan.CodeInit(to)
	})
	if err != nil {
		return err
	}
	return i.Send(wire.Plan, payload, fds...)
}

// Send sends a message and copies of descriptors.
func (i *Init) Send(kind wire.Kind, payload []byte, fds ...int) error {
	if err := i.Conn.Send(kind, payload, fds...); err != nil {
		return i.Lost(err)
	}
	return nil
}

// Continue lets an init go on that waits for that.
func (i *Init) Continue() error { return i.Send(wire.Continue, nil) }

// Await waits for init's message that it has come to a phase, and returns the ids of
// mounts that are in it.
func (i *Init) Await(phase plan.Phase) ([]uint64, error) {
	m, err := i.next(wire.Phase)
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

// Receive waits for init's message of a kind that carries one descriptor, which it
// calls what.
func (i *Init) Receive(kind wire.Kind, what string) (int, error) {
	m, err := i.next(kind)
	if err != nil {
		return -1, err
	}
	if len(m.FDs) != 1 {
		m.Close()
		return -1, errors.New("malformed message from init: no " + what)
	}
	return m.FDs[0], nil
}

// Listener waits for the listener of init's seccomp filter. The agent that gets it, which
// can be privileged, must get nothing else from a container. The name can't be that of a
// file, which has a slash.
func (i *Init) Listener() (int, error) {
	fd, err := i.Receive(wire.Listener, "listener")
	if err != nil {
		return -1, err
	}
	if err := checkListener(fd); err != nil {
		wire.Discard(fd)
		return -1, err
	}
	return fd, nil
}

func checkListener(fd int) error {
	name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err == nil && name != "anon_inode:seccomp notify" {
		err = fmt.Errorf("malformed message from init: %q, expected a seccomp listener", name)
	}
	return err
}

// next waits for init's next message of a kind. What may come before it is
// dealt with.
func (i *Init) next(kind wire.Kind) (wire.Message, error) {
	for {
		if kind == wire.Cloned {
			if err := i.hasWord(); err != nil {
				return wire.Message{}, err
			}
		}
		m, err := i.Conn.Recv()
		if errors.Is(err, wire.ErrTimeout) {
			err = fmt.Errorf("timed out after %s waiting for init: is the container frozen or short of CPU time?", AnswerTime)
		}
		if err != nil {
			return m, i.Lost(err)
		}
		if m.Kind == kind {
			return m, nil
		}
		if err := i.handle(&m); err != nil {
			return m, err
		}
	}
}

// handle deals with a message that may come at any time.
func (i *Init) handle(m *wire.Message) error {
	if m.Kind == wire.Terminal && len(m.FDs) == 1 && i.terminal {
		i.terminal = false
		return i.Owner.TakeTerminal(m.FDs[0])
	}
	m.Close()
	switch {
	case m.Kind == wire.Failed:
		return i.Failed(m.Payload)
	case m.Kind == wire.Trace && i.Trace != nil:
		return i.Trace.add(m.Payload, i.Plan)
	case m.Kind == wire.SpawnFailed: // behind Start's back, such as for a time namespace
		return i.spawnError(i.config.Failure(m.Payload))
	}
	return fmt.Errorf("unexpected message %d from init", m.Kind)
}

// Kill kills what there is of it, and reaps it.
func (i *Init) Kill() error {
	err := i.Reap()
	if i.Process != nil {
		err = errors.Join(err, i.Process.Kill())
		i.Process = nil
	}
	return err
}

// Close releases descriptors; the process goes on.
func (i *Init) Close() {
	i.EndProgress()
	i.Unseal()
	if i.Process != nil {
		i.Process.Close()
	}
}

// EndProgress is for when it is of no interest any more where init is.
func (i *Init) EndProgress() {
	i.progress.Close()
	i.progress = nil
}
