package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A memory is what one runtime uses, in KiB.
type memory struct {
	Name    string `json:"name"`
	Peak    int    `json:"peak_kib"`              // see peak
	Waiting int    `json:"waiting_kib,omitempty"` // what waits between create and start (Pss)
}

func (b *bench) memory() error {
	for _, p := range b.set {
		m := memory{Name: p.Name}
		var err error
		if m.Peak, err = peak(p); err != nil {
			skip("memory of "+p.Name, err)
			continue
		}
		if !p.floor {
			if m.Waiting, err = waiting(p); err != nil {
				skip("memory of "+p.Name+" before start", err)
			}
		}
		b.result.Memory = append(b.result.Memory, m)
	}
	return nil
}

// waiting reports what a created container takes: its process's share of the
// pages it has, of which those of the binary may be shared with others.
func waiting(p *peer) (kib int, err error) {
	pidFile := filepath.Join(p.root, "waiting.pid")
	if _, err := p.time("create", "--bundle", p.bundle, "--pid-file", pidFile, "waiting"); err != nil {
		return 0, err
	}
	defer func() {
		_, deleted := p.time("delete", "--force", "waiting")
		err = errors.Join(err, deleted, reap(pidFile), os.Remove(pidFile))
	}()
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	return field("/proc/"+string(bytes.TrimSpace(pid))+"/smaps_rollup", "Pss:")
}

// peak reports the largest resident set, in KiB, of any process of the
// runtime's tree during `run`, the median of seven runs.
//
// wait4's ru_maxrss is too inexact: the kernel adds it up per cpu and ignores
// some thirty pages for each of them and for each kind of page, which is
// a third of what these programs use. /proc/PID/status counts exactly. So the
// tree is traced, and every process is looked at when it enters or leaves a
// system call.
func peak(p *peer) (int, error) {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	var seen []float64
	for n := range 7 {
		run := p.command("run", "--bundle", p.bundle, "peak"+strconv.Itoa(n))
		kib, err := tracePeak(run.Args)
		if err != nil {
			return 0, err
		}
		seen = append(seen, float64(kib))
	}
	return int(quantile(seen, 0.5)), nil
}

// tracePeak runs a program and returns the largest VmHWM of its processes.
func tracePeak(args []string) (int, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	process, err := os.StartProcess(args[0], args, &os.ProcAttr{
		Files: []*os.File{null, null, null},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return 0, err
	}
	root := process.Pid
	process.Release()
	var status unix.WaitStatus
	if _, err := unix.Wait4(root, &status, 0, nil); err != nil {
		return 0, os.NewSyscallError("wait4", err)
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(root, options); err != nil {
		return 0, os.NewSyscallError("ptrace", err)
	}
	most, code := 0, 0
	for next, deliver := root, 0; ; {
		// wait4 reports a process that was killed meanwhile.
		if err := unix.PtraceSyscall(next, deliver); err != nil && err != unix.ESRCH {
			return 0, os.NewSyscallError("ptrace", err)
		}
		pid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.ECHILD):
			if code != 0 {
				return 0, fmt.Errorf("%s: exit code %d", args[0], code)
			}
			return most, nil
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, os.NewSyscallError("wait4", err)
		}
		next, deliver = pid, 0
		if !status.Stopped() {
			if pid == root {
				code = status.ExitStatus()
			}
			continue
		}
		switch s := status.StopSignal(); s {
		case unix.SIGTRAP | 0x80:
			most = max(most, highWater(pid))
		case unix.SIGTRAP, unix.SIGSTOP: // ptrace's own
		default:
			deliver = int(s)
		}
	}
}

// highWater returns VmHWM of /proc/PID/status in KiB, 0 if there is none.
func highWater(pid int) int {
	kib, _ := field("/proc/"+strconv.Itoa(pid)+"/status", "VmHWM:")
	return kib
}

// field returns the number, in KiB, that follows a key in one of proc's files.
func field(path, key string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte(key))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	return strconv.Atoi(string(number))
}
