package criu

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/checkpoint-restore/go-criu/v7/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// fake is the other end of a conversation.
type fake struct {
	t    *testing.T
	sock int
}

// talk makes a Process that talks to play, and waits for the end of that.
func talk(t *testing.T, play func(fake)) *Process {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	done := make(chan bool)
	go func() {
		defer close(done)
		defer unix.Close(pair[1])
		play(fake{t, pair[1]})
	}()
	p := &Process{sock: pair[0]}
	t.Cleanup(func() {
		p.Close()
		<-done
	})
	return p
}

// heard receives a request.
func (f fake) heard() *rpc.CriuReq {
	buf := make([]byte, 1<<16)
	n, err := unix.Read(f.sock, buf)
	if err != nil {
		f.t.Error(err)
	}
	req := new(rpc.CriuReq)
	if err := proto.Unmarshal(buf[:n], req); err != nil {
		f.t.Error(err)
	}
	return req
}

func (f fake) say(r *rpc.CriuResp, fds ...int) {
	data, err := proto.Marshal(r)
	if err != nil {
		f.t.Error(err)
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(f.sock, data, oob, nil, 0); err != nil {
		f.t.Error(err)
	}
}

// notify notifies, and returns whether it is to go on.
func (f fake) notify(script string, fds ...int) bool {
	f.say(&rpc.CriuResp{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: proto.Bool(true), Notify: &rpc.CriuNotify{Script: &script}}, fds...)
	answer := f.heard()
	if answer.GetType() != rpc.CriuReqType_NOTIFY {
		f.t.Errorf("%s was answered with %v", script, answer)
	}
	return answer.GetNotifySuccess()
}

func TestRestore(t *testing.T) {
	t.Cleanup(systest.Descriptors(t))
	p := talk(t, func(f fake) {
		if v := f.heard(); v.GetType() != rpc.CriuReqType_VERSION || !v.GetKeepOpen() {
			t.Errorf("asked for %v, want the version and more to come", v)
		}
		f.say(&rpc.CriuResp{Type: rpc.CriuReqType_VERSION.Enum(), Success: proto.Bool(true),
			Version: &rpc.CriuVersion{MajorNumber: proto.Int32(4), MinorNumber: proto.Int32(1)}})
		if req := f.heard(); req.GetType() != rpc.CriuReqType_RESTORE || req.GetOpts().GetRoot() != "/root" || req.GetKeepOpen() {
			t.Errorf("asked for %v, want a restore", req)
		}
		for _, script := range []string{"pre-restore", "setup-namespaces"} {
			if !f.notify(script) {
				t.Errorf("%s was refused", script)
			}
		}
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Error(err)
		}
		defer null.Close()
		if !f.notify("orphan-pts-master", int(null.Fd())) {
			t.Error("orphan-pts-master was refused")
		}
		f.say(&rpc.CriuResp{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(true), Restore: &rpc.CriuRestoreResp{Pid: proto.Int32(99)}})
	})
	v, err := p.Version()
	if err != nil || v != (Version{Major: 4, Minor: 1}) {
		t.Fatalf("version %v, %v", v, err)
	}
	systest.MustDo(t, p.Restore(&Options{Root: "/root", StatusFD: -1}))
	var scripts []string
	pid := 0
	for pid == 0 {
		var n Notification
		if n, pid, err = p.Next(); err != nil {
			t.Fatal(err)
		}
		if pid != 0 {
			break
		}
		scripts = append(scripts, n.Script)
		if (n.FD >= 0) != (n.Script == "orphan-pts-master") {
			t.Errorf("%s came with descriptor %d", n.Script, n.FD)
		}
		if n.FD >= 0 {
			systest.MustDo(t, unix.Close(n.FD))
		}
		systest.MustDo(t, p.Continue())
	}
	if pid != 99 {
		t.Errorf("process %d", pid)
	}
	if got := strings.Join(scripts, " "); got != "pre-restore setup-namespaces orphan-pts-master" {
		t.Errorf("notified of %s", got)
	}
}

// TestLostAlive: a connection that breaks while CRIU lives is its end.
func TestLostAlive(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	theirs := os.NewFile(uintptr(pair[1]), "theirs")
	defer theirs.Close()
	cat, err := exec.LookPath("cat") // ends when nobody can write to it any more
	systest.MustDo(t, err)
	process, err := os.StartProcess(cat, []string{"cat"}, &os.ProcAttr{Files: []*os.File{theirs}})
	systest.MustDo(t, err)
	defer time.AfterFunc(10*time.Second, func() {
		t.Error("it is waited for without end")
		_ = process.Kill()
	}).Stop()
	p := &Process{sock: pair[0], process: process}
	if err := p.lost(unix.ECONNRESET); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "exit status") {
		t.Errorf("lost: %v", err)
	}
	systest.MustDo(t, p.Close())
}

// TestRefusedByClient: an error of a notification ends the request, and is its error.
func TestRefusedByClient(t *testing.T) {
	mine := errors.New("hook failed")
	p := talk(t, func(f fake) {
		f.heard()
		if f.notify("setup-namespaces") {
			t.Error("the error was not passed on")
		}
		// What CRIU still says is answered in the same way, and closed.
		if f.notify("post-restore", f.sock) {
			t.Error("it was passed on once")
		}
		f.say(&rpc.CriuResp{Type: rpc.CriuReqType_DUMP.Enum(), Success: proto.Bool(false), CrErrmsg: proto.String("script failed")})
	})
	calls := 0
	err := p.Dump(&Options{StatusFD: -1}, func(Notification) error { calls++; return mine })
	if !errors.Is(err, mine) || errors.Is(err, ErrRefused) || calls != 1 {
		t.Errorf("%v after %d calls, want the client's own error after one", err, calls)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(fake)
		want string
	}{
		{"with a message", func(f fake) {
			f.heard()
			f.say(&rpc.CriuResp{Type: rpc.CriuReqType_DUMP.Enum(), Success: proto.Bool(false), CrErrmsg: proto.String("two\nlines\n"), CrErrno: proto.Int32(2)})
		}, "criu refused: two lines"},
		{"with an errno", func(f fake) {
			f.heard()
			f.say(&rpc.CriuResp{Type: rpc.CriuReqType_DUMP.Enum(), Success: proto.Bool(false), CrErrno: proto.Int32(2)})
		}, "criu refused: no such file or directory"},
		{"another response", func(f fake) {
			f.heard()
			f.say(&rpc.CriuResp{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(true)})
		}, "unexpected response 2 from criu to request 1"},
		{"no message", func(f fake) {
			f.heard()
			unix.Write(f.sock, []byte{0xff})
		}, "malformed message from criu"},
		{"the end", func(f fake) { f.heard() }, "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(systest.Descriptors(t))
			err := talk(t, c.play).Dump(&Options{StatusFD: -1}, nil)
			if err == nil || err.Error() != c.want {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestStart with programs that are not CRIU.
func TestStart(t *testing.T) {
	t.Cleanup(systest.Descriptors(t))
	if _, err := Start("/nonexistent/criu", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want no such file", err)
	}
	p, err := Start("/bin/false", nil)
	systest.MustDo(t, err)
	defer p.Close()
	if _, err := p.Version(); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("%v, want how it ended", err)
	}
}

func TestExcerpt(t *testing.T) {
	const log = `(00.000000) Version: 4.1.1 (gitid 0)
(00.001000) Error (criu/mount.c:1087): mnt: 57:./data doesn't have a proper root mount
(00.001100) Warn  (criu/x.c:1): Error (not one)
(00.001200)      1: Error (criu/files.c:9): Can't dump fd 1
(00.001300) Error (criu/mount.c:1087): mnt: 57:./data doesn't have a proper root mount
(00.001400) Error (criu/cr-dump.c:2098): Dumping FAILED.
(00.001500) Error (criu/cr-dump.c:2099): one too many
no line of a log: Error (x): y
`
	want := "mnt: 57:./data doesn't have a proper root mount; Can't dump fd 1; Dumping FAILED."
	if got := Excerpt([]byte(log)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Excerpt(nil); got != "" {
		t.Errorf("an empty log: %q", got)
	}
	long := Excerpt([]byte("(0) Error (a): " + strings.Repeat("x\x1b", 1000)))
	if len(long) > 410 || strings.Contains(long, "\x1b") {
		t.Errorf("%d characters: %q", len(long), long)
	}
}
