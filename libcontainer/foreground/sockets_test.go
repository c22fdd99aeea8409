package foreground

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// A collection would close files that an earlier test has dropped, while a later
// one counts descriptors.
func init() { debug.SetGCPercent(-1) }

// TestDialEnds: whoever does not accept connections holds nobody up for ever.
func TestDialEnds(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	path := filepath.Join(t.TempDir(), "sock")
	systest.MustDo(t, unix.Bind(listener, &unix.SockaddrUnix{Name: path}))
	systest.MustDo(t, unix.Listen(listener, 0))
	goesOn := func() error { return nil }
	first, err := (&Patience{time.Second, goesOn}).Dial(path, unix.SOCK_STREAM)
	systest.MustDo(t, err)
	ended := errors.New("ended")
	if second, err := (&Patience{time.Hour, func() error { return ended }}).Dial(path, unix.SOCK_STREAM); !errors.Is(err, ended) {
		t.Errorf("got %d, %v; want %v", second, err, ended)
	}
	if second, err := (&Patience{10 * time.Millisecond, goesOn}).Dial(path, unix.SOCK_STREAM); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("got %d, %v; want an error: the queue is full", second, err)
	}
	unix.Close(first)
	unix.Close(listener)
	noneLeft()
}

func TestSendDescriptor(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	systest.MustDo(t, os.MkdirAll(long, 0o755))
	noneLeft := systest.Descriptors(t)
	for _, dir := range []string{t.TempDir(), long} {
		listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		systest.MustDo(t, err)
		at, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		systest.MustDo(t, unix.Bind(listener, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(at) + "/sock"}))
		systest.MustDo(t, unix.Listen(listener, 1))
		null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		systest.MustDo(t, SendDescriptor(dir+"/sock", "text", null))
		conn, _, err := unix.Accept(listener)
		systest.MustDo(t, err)
		buf, oob := make([]byte, 100), make([]byte, 100)
		n, oobn, _, _, err := unix.Recvmsg(conn, buf, oob, unix.MSG_CMSG_CLOEXEC)
		systest.MustDo(t, err)
		messages, err := unix.ParseSocketControlMessage(oob[:oobn])
		systest.MustDo(t, err)
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 || string(buf[:n]) != "text" {
			t.Errorf("got %q, descriptors %v, %v", buf[:n], fds, err)
		}
		for _, fd := range append(fds, conn, null, at, listener) {
			unix.Close(fd)
		}
	}
	if err := SendDescriptor("/no/such/socket", "text", 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that it does not exist", err)
	}
	noneLeft()
}

// TestTakeTerminal: what is no master of a terminal, or has nobody to go to, does not stay.
func TestTakeTerminal(t *testing.T) {
	f := Side{ConsoleSocket: "/no/such/socket"}
	for _, c := range []struct {
		path string
		how  int
		want string
	}{
		{"/dev/null", unix.O_RDWR, "the terminal's master: not the expected device: number is 1:3, expected 5:2"},
		{"/dev/ptmx", unix.O_RDWR, "--console-socket"},
		{"/dev/ptmx", unix.O_PATH, "the terminal's master: ioctl TIOCGPTN: bad file descriptor"},
	} {
		noneLeft := systest.Descriptors(t)
		fd, err := unix.Open(c.path, c.how|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		systest.MustDo(t, err)
		if err := f.TakeTerminal(fd); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
		noneLeft()
	}
}
