package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// lockPatience is how long delete --force waits for another runtime to finish
// with the container before it ends that one: a hook may hang.
const lockPatience = time.Second

// lockByForce locks a container. Who has it locked for long is killed, together
// with its children: a hook, and the init of a container that is being created.
func lockByForce(dir *state.Dir) error {
	for end := time.Now().Add(DeathWait); ; {
		locked, err := lockSoon(dir)
		if err != nil || locked {
			return err
		}
		pids, err := dir.Holders()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			if err := endHolder(dir, pid); err != nil {
				return err
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("another runtime is busy with container %s, which /proc does not show as one to be killed (pids %v)", dir.ID(), pids)
		}
	}
}

// lockSoon locks the container, if it can be had within lockPatience.
func lockSoon(dir *state.Dir) (bool, error) {
	for end := time.Now().Add(lockPatience); ; {
		locked, err := dir.TryLock()
		if err != nil || locked || time.Now().After(end) {
			return locked, err
		}
		retry.Sleep(5 * time.Millisecond)
	}
}

// endHolder kills a runtime that holds the container's lock. It is stopped
// first: while it can't reap its children, their ids remain theirs.
func endHolder(dir *state.Dir, pid int) error {
	if pid == os.Getpid() {
		return fmt.Errorf("this process itself is busy with container %s", dir.ID())
	}
	holder, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(holder)
	if !dir.HeldBy(pid) {
		return nil // another process by now, or another file with the same number
	}
	if err := Signal(holder, pid, unix.SIGSTOP); err != nil {
		return err
	}
	if err := waitStopped(pid); err != nil {
		return errors.Join(err, Signal(holder, pid, unix.SIGCONT))
	}
	if err := killChildren(pid); err != nil {
		return errors.Join(err, Signal(holder, pid, unix.SIGCONT))
	}
	if err := Signal(holder, pid, unix.SIGKILL); err != nil {
		return err
	}
	return awaitDeath(holder, fmt.Sprintf("the runtime that works on container %s, pid %d, does not end", dir.ID(), pid))
}

// Signal signals a process; that it has ended is not an error.
func Signal(pidfd, pid int, sig unix.Signal) error {
	err := sys.SignalProcess(pidfd, pid, sig)
	if err == unix.ESRCH {
		return nil
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// waitStopped returns when a process has stopped or ended. One that can do
// neither, because it is stuck in the kernel, reaps no child either.
func waitStopped(pid int) error {
	for range 200 {
		st, err := state.ReadStat(pid)
		if err != nil {
			return err
		}
		switch st.State {
		case 0, 'T', 't', 'Z', 'X':
			return nil
		}
		retry.Sleep(time.Millisecond)
	}
	return nil
}

// killChildren kills the children of a process, those that lead a process group
// with the group: hooks do. A hook that deletes its own container would have to
// kill itself, and nothing would finish the work.
func killChildren(parent int) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	type child struct{ pid, group int }
	var children []child
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		st, err := state.ReadStat(pid)
		if err != nil || st.Parent != parent {
			continue
		}
		if st.Group == pid && pid == unix.Getpgrp() {
			return errors.New("cannot delete a container by force from its own hook")
		}
		children = append(children, child{pid, st.Group})
	}
	for _, c := range children {
		target := c.pid
		if c.group == c.pid {
			target = -c.pid
		}
		if err := unix.Kill(target, unix.SIGKILL); err != nil && err != unix.ESRCH {
			return os.NewSyscallError("kill", err)
		}
	}
	return nil
}

// awaitDeath waits until a process that was killed is gone. The error says text if
// it does not go within deathWait.
func awaitDeath(pidfd int, text string) error {
	gone, err := retry.Readable(pidfd, DeathWait)
	if err != nil {
		return os.NewSyscallError("poll", err)
	}
	if !gone {
		return errors.New(text)
	}
	return nil
}
