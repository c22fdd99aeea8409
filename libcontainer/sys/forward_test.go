package sys

import (
	"os"
	"os/exec"
	"os/signal"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestForwardSignals: what this process gets, another one dies of, until it is
// told to stop.
func TestForwardSignals(t *testing.T) {
	for _, s := range forwardable() {
		if s == unix.SIGCONT {
			continue // nobody dies of it
		}
		// A C program: Go ones and shells have opinions about signals.
		target := exec.Command("sleep", "60")
		systest.MustDo(t, target.Start())
		pidfd, err := unix.PidfdOpen(target.Process.Pid, 0)
		systest.MustDo(t, err)
		stop := ForwardSignals(pidfd)
		systest.MustDo(t, unix.Kill(os.Getpid(), s))
		err = target.Wait()
		stop()
		unix.Close(pidfd)
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.Sys().(interface{ Signal() unix.Signal }).Signal() != s {
			t.Errorf("signal %d: the other one ended with %v", s, err)
		}
	}

	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR1)
	defer signal.Stop(caught)
	ForwardSignals(-1)()
	systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGUSR1))
	select {
	case <-caught:
	case <-time.After(10 * time.Second):
		t.Error("the handler from before is not back")
	}
}

// TestForwardUnderLoad: the handler interrupts goroutines at any instruction.
func TestForwardUnderLoad(t *testing.T) {
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
	defer ForwardSignals(pidfd)()
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
	stopForwarding := ForwardSignals(pidfd)
	defer stopForwarding()
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
