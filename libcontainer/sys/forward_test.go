package sys

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// passTo passes signals on to a process.
func passTo(t *testing.T, pidfd int) {
	t.Helper()
	CatchSignals()
	if !PassSignals(pidfd) {
		t.Fatal("a signal was caught before")
	}
}

// TestPassSignals: what this process gets, another one dies of.
func TestPassSignals(t *testing.T) {
	for _, s := range append(ending(), unix.SIGPIPE) {
		// A C program: Go ones and shells have opinions about signals.
		target := exec.Command("sleep", "60")
		systest.MustDo(t, target.Start())
		pidfd, err := unix.PidfdOpen(target.Process.Pid, 0)
		systest.MustDo(t, err)
		passTo(t, pidfd)
		systest.MustDo(t, unix.Kill(os.Getpid(), s))
		err = target.Wait()
		Forget(pidfd)
		unix.Close(pidfd)
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.Sys().(interface{ Signal() unix.Signal }).Signal() != s {
			t.Errorf("signal %d: the other one ended with %v", s, err)
		}
	}
}

// TestCatchSignals: a signal kills who is waited for, before or after it is known, and
// is told; one that a stopped or a writing process gets by itself does not.
func TestCatchSignals(t *testing.T) {
	start := func() (*exec.Cmd, int) {
		cmd := exec.Command("sleep", "60")
		systest.MustDo(t, cmd.Start())
		pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
		systest.MustDo(t, err)
		return cmd, pidfd
	}
	for _, before := range []bool{false, true} {
		CatchSignals()
		cmd, pidfd := start()
		if before {
			systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGTERM))
			for Caught() == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		if former := Victim(pidfd); former != -1 {
			t.Errorf("the former victim is %d", former)
		}
		if !before {
			for _, s := range passable() {
				systest.MustDo(t, unix.Kill(os.Getpid(), s))
			}
			systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGTERM))
		}
		cmd.Wait()
		if status := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }); status.Signal() != unix.SIGKILL {
			t.Errorf("before %v: the victim ended with %v", before, cmd.ProcessState)
		}
		if PassSignals(pidfd) {
			t.Error("passes signals on although one was caught")
		}
		if s := TakeCaught(); s != unix.SIGTERM || Caught() != 0 {
			t.Errorf("caught %v, then %v", s, Caught())
		}
		if former := Victim(-1); former != pidfd {
			t.Errorf("the victim was %d, want %d", former, pidfd)
		}
		unix.Close(pidfd)
		if !PassSignals(-1) {
			t.Error("a signal that was taken is still there")
		}
	}
	// To nobody: no harm.
	systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGTERM))
}

// TestPassUnderLoad: the handler interrupts goroutines at any instruction.
func TestPassUnderLoad(t *testing.T) {
	target := exec.Command("sh", "-c", `trap 'n=$((n+1))' USR1; n=0; echo; while [ $n = 0 ]; do sleep 0.01; done; read x; exit 7`)
	in, err := target.StdinPipe()
	systest.MustDo(t, err)
	out, err := target.StdoutPipe()
	systest.MustDo(t, err)
	systest.MustDo(t, target.Start())
	out.Read(make([]byte, 1))
	pidfd, err := unix.PidfdOpen(target.Process.Pid, 0)
	systest.MustDo(t, err)
	defer unix.Close(pidfd)
	passTo(t, pidfd)
	defer Forget(pidfd)
	done := make(chan bool)
	for range 4 {
		go func() {
			garbage := map[int][]byte{}
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
					garbage[i%100] = make([]byte, i%5000)
				}
			}
		}()
	}
	for range 2000 {
		systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGUSR1))
	}
	close(done)
	in.Write([]byte("\n"))
	if err := target.Wait(); target.ProcessState.ExitCode() != 7 {
		t.Error(err)
	}
}

// TestNotifyResize: the eventfd counts, SIGCONT goes on to the other process,
// too, and after stop neither.
func TestNotifyResize(t *testing.T) {
	eventfd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	systest.MustDo(t, err)
	defer unix.Close(eventfd)
	target := exec.Command("sh", "-c", `trap 'exit 3' CONT; echo; while :; do sleep 0.01; done`)
	out, err := target.StdoutPipe()
	systest.MustDo(t, err)
	systest.MustDo(t, target.Start())
	out.Read(make([]byte, 1))
	pidfd, err := unix.PidfdOpen(target.Process.Pid, 0)
	systest.MustDo(t, err)
	defer unix.Close(pidfd)
	passTo(t, pidfd)
	defer Forget(pidfd)
	stop := NotifyResize(eventfd)
	for _, s := range []unix.Signal{unix.SIGWINCH, unix.SIGCONT} {
		systest.MustDo(t, unix.Kill(os.Getpid(), s))
		fds := []unix.PollFd{{Fd: int32(eventfd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 10_000); n != 1 {
			t.Fatalf("signal %d is not told: %v", s, err)
		}
		unix.Read(eventfd, make([]byte, 8))
	}
	if target.Wait(); target.ProcessState.ExitCode() != 3 {
		t.Errorf("the other one ended with %v", target.ProcessState)
	}
	stop()
	systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
	if _, err := unix.Read(eventfd, make([]byte, 8)); err != unix.EAGAIN {
		t.Errorf("after stop: %v", err)
	}
}
