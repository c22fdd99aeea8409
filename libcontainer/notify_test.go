package libcontainer

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestReadyLine(t *testing.T) {
	for message, want := range map[string]string{
		"READY=1":                    "READY=1",
		"READY=1\n":                  "READY=1",
		"READY=0\n\n":                "READY=0",
		"STATUS=x\nREADY=1\nERRNO=2": "READY=1",
		"READY=":                     "READY=",
		"":                           "",
		"\n\n":                       "",
		"READY":                      "",
		"ALREADY=1":                  "",
		"STATUS=READY=1":             "",
		"STATUS=a\n READY=1":         "",
	} {
		if got := readyLine([]byte(message)); string(got) != want || want == "" && got != nil {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

// TestNotifier: what the container says until it is ready, what systemd hears
// of it, and that nobody is waited for who has gone.
func TestNotifier(t *testing.T) {
	root := t.TempDir()
	dir, err := state.Create(root, "id")
	systest.MustDo(t, err)
	defer dir.Close()
	systest.MustDo(t, dir.MakeNotify())
	host := filepath.Join(root, "systemd")
	systemd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(systemd)
	systest.MustDo(t, unix.Bind(systemd, &unix.SockaddrUnix{Name: host}))
	service, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(service)

	noneLeft := systest.Descriptors(t)
	n, err := NewNotifier(dir, host)
	systest.MustDo(t, err)
	init := exec.Command("sleep", "1000")
	systest.MustDo(t, init.Start())
	pidfd, err := unix.PidfdOpen(init.Process.Pid, 0)
	systest.MustDo(t, err)
	say := func(text string, fds ...int) {
		t.Helper()
		to := &unix.SockaddrUnix{Name: filepath.Join(root, "id/notify/notify.sock")}
		systest.MustDo(t, unix.Sendmsg(service, []byte(text), unix.UnixRights(fds...), to, 0))
	}
	for pid, want := range map[int]string{0: `"READY=1\n" "BARRIER=1" `, 42: `"READY=1\n" "MAINPID=42\n" "BARRIER=1" `} {
		say("BARRIER=1", service)
		say("STATUS=starting")
		say("STATUS=up\nREADY=1\n")
		relayed := make(chan error)
		go func() { relayed <- n.Relay(pidfd, pid) }()
		got, barrier := "", -1
		for barrier < 0 {
			buf, oob := make([]byte, 100), make([]byte, 100)
			size, oobSize, _, _, err := unix.Recvmsg(systemd, buf, oob, unix.MSG_CMSG_CLOEXEC)
			systest.MustDo(t, err)
			got += fmt.Sprintf("%q ", buf[:size])
			messages, err := unix.ParseSocketControlMessage(oob[:oobSize])
			systest.MustDo(t, err)
			if len(messages) > 0 {
				fds, err := unix.ParseUnixRights(&messages[0])
				systest.MustDo(t, err)
				barrier = fds[0]
			}
		}
		if got != want {
			t.Errorf("systemd heard %s, want %s", got, want)
		}
		select {
		case err := <-relayed:
			t.Errorf("it did not wait for the barrier: %v", err)
		default:
		}
		unix.Close(barrier)
		systest.MustDo(t, <-relayed)
	}
	relayed := make(chan error)
	go func() { relayed <- n.Relay(pidfd, 0) }()
	init.Process.Kill()
	init.Wait()
	if err := <-relayed; !errors.Is(err, ErrNotReady) {
		t.Errorf("after init's end: %v", err)
	}
	// Last words count.
	n.host = filepath.Join(root, "nobody")
	say("READY=1")
	if err := n.Relay(pidfd, 0); !errors.Is(err, unix.ENOENT) {
		t.Errorf("systemd gone: %v", err)
	}
	unix.Close(pidfd)
	n.Close()
	noneLeft()
}
