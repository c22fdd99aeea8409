package terminal

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// stage is a relay between streams of the test's and a terminal on which the
// test plays the container.
type stage struct {
	*Relay
	slave *os.File // the container's end
	init  *exec.Cmd
	pidfd int
}

// terminalPair opens a terminal of this machine's devpts.
func terminalPair(t *testing.T) (master int, slave *os.File) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	systest.MustDo(t, unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0))
	fd, err := sys.TerminalPeer(master)
	systest.MustDo(t, err)
	return master, os.NewFile(uintptr(fd), "slave")
}

func play(t *testing.T, in, out int) *stage {
	t.Helper()
	master, slave := terminalPair(t)
	s := &stage{slave: slave, init: exec.Command("sleep", "1000")}
	systest.MustDo(t, s.init.Start())
	var err error
	s.pidfd, err = unix.PidfdOpen(s.init.Process.Pid, 0)
	systest.MustDo(t, err)
	s.Relay, err = newRelay(master, [3]int{in, out, -1})
	systest.MustDo(t, err)
	systest.MustDo(t, s.Start(s.pidfd))
	return s
}

// end is the end of init; it returns when the relay has ended, too.
func (s *stage) end(t *testing.T) {
	t.Helper()
	s.init.Process.Kill()
	s.init.Wait()
	systest.MustDo(t, s.Close())
	unix.Close(s.pidfd)
	s.slave.Close()
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	systest.MustDo(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// number is a descriptor that stays in non-blocking mode, as that of a Go pipe.
func number(t *testing.T, f *os.File) int {
	t.Helper()
	c, err := f.SyscallConn()
	systest.MustDo(t, err)
	var n int
	systest.MustDo(t, c.Control(func(fd uintptr) { n = int(fd) }))
	return n
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

func settings(t *testing.T, fd int) unix.Termios {
	t.Helper()
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	systest.MustDo(t, err)
	return *got
}

func isRaw(t *testing.T, fd int) bool {
	t.Helper()
	return settings(t, fd).Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0
}

// TestRelayCopies: both ways, and nothing stays open.
func TestRelayCopies(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	s := play(t, number(t, inR), number(t, outW))
	inW.WriteString("typed\n")
	buf := make([]byte, 100)
	if n, err := s.slave.Read(buf); string(buf[:n]) != "typed\n" {
		t.Errorf("the container read %q, %v", buf[:n], err)
	}
	s.slave.WriteString("printed\n")
	want := "typed\nprinted\n" // the first is the echo
	if _, err := io.ReadFull(outR, buf[:len(want)]); string(buf[:len(want)]) != want {
		t.Errorf("the caller read %q, %v", buf[:len(want)], err)
	}
	s.end(t)
	for _, f := range []*os.File{inR, inW, outR, outW} {
		f.Close()
	}
	noneLeft()
}

// TestRelaySlowReader: a container that prints faster than anyone reads has to
// wait, and nothing is lost, in pieces as small as both like.
func TestRelaySlowReader(t *testing.T) {
	inR, _ := pipe(t)
	outR, outW := pipe(t)
	_, err := unix.FcntlInt(uintptr(number(t, outW)), unix.F_SETPIPE_SZ, 4096)
	systest.MustDo(t, err)
	s := play(t, number(t, inR), number(t, outW))
	text := bytes.Repeat([]byte("0123456789abcdef"), 35*500)
	go func() {
		for piece := text; len(piece) > 0; piece = piece[7:] {
			s.slave.Write(piece[:7])
		}
	}()
	got := make([]byte, len(text))
	for i := 0; i < len(got); i += 5 {
		io.ReadFull(outR, got[i:i+5])
	}
	if !bytes.Equal(got, text) {
		t.Error("what arrived is not what was printed")
	}
	s.end(t)
}

// TestRelayLastWords: printed before init's end, read after it. The pipe is an
// ordinary one, in blocking mode.
func TestRelayLastWords(t *testing.T) {
	inR, _ := pipe(t)
	outR, outW := pipe(t)
	_, err := unix.FcntlInt(outW.Fd(), unix.F_SETPIPE_SZ, 4096)
	systest.MustDo(t, err)
	s := play(t, number(t, inR), int(outW.Fd()))
	text := strings.Repeat("last words.\n", 500) // more than the pipe takes
	s.slave.WriteString(text)
	s.init.Process.Kill()
	s.init.Wait()
	ended := make(chan bool)
	go func() { s.end(t); close(ended) }()
	got := make([]byte, len(text))
	io.ReadFull(outR, got)
	if string(got) != text {
		t.Errorf("got %d bytes, not what was printed", len(got))
	}
	<-ended
}

// TestRelayEndOfInput: the container reads an end whenever it reads, and what
// came before it first; whole lines or not, and with a ^D of its own.
func TestRelayEndOfInput(t *testing.T) {
	for _, text := range []string{"", "line\n", "half a line", "one\ntwo"} {
		inR, inW := pipe(t)
		_, outW := pipe(t)
		s := play(t, number(t, inR), number(t, outW))
		own := settings(t, int(s.slave.Fd()))
		own.Cc[unix.VEOF] = 'E' - '@'
		systest.MustDo(t, unix.IoctlSetTermios(int(s.slave.Fd()), unix.TCSETS, &own))
		inW.WriteString(text)
		inW.Close()
		got, err := io.ReadAll(s.slave)
		if string(got) != text || err != nil {
			t.Errorf("the container read %q, %v, want %q", got, err, text)
		}
		if n, err := s.slave.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("once more it read %d bytes, %v", n, err)
		}
		s.end(t)
	}
}

// TestRelayResize: the size is that of the first stream that has one, from the
// beginning and after each signal.
func TestRelayResize(t *testing.T) {
	caller, stdin := terminalPair(t)
	defer unix.Close(caller)
	defer stdin.Close()
	systest.MustDo(t, unix.IoctlSetWinsize(caller, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 90}))
	_, outW := pipe(t)
	s := play(t, int(stdin.Fd()), number(t, outW))
	is := func(rows, columns uint16) func() bool {
		return func() bool {
			got, err := unix.IoctlGetWinsize(int(s.slave.Fd()), unix.TIOCGWINSZ)
			return err == nil && got.Row == rows && got.Col == columns
		}
	}
	if !is(30, 90)() {
		t.Error("it does not begin with the caller's size")
	}
	for _, c := range []struct {
		rows uint16
		by   unix.Signal
	}{{31, unix.SIGWINCH}, {32, unix.SIGWINCH}, {33, unix.SIGCONT}} {
		systest.MustDo(t, unix.IoctlSetWinsize(caller, unix.TIOCSWINSZ, &unix.Winsize{Row: c.rows, Col: 91}))
		systest.MustDo(t, unix.Kill(os.Getpid(), c.by))
		until(t, "resized", is(c.rows, 91))
	}
	// A caller who knows no size leaves the container's as it is.
	systest.MustDo(t, unix.IoctlSetWinsize(caller, unix.TIOCSWINSZ, &unix.Winsize{}))
	systest.MustDo(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
	if !is(33, 91)() {
		t.Error("the size has changed")
	}
	s.end(t)
}

// TestRelayRaw: the caller's terminal is raw while init lives, and as before
// then.
func TestRelayRaw(t *testing.T) {
	caller, stdin := terminalPair(t)
	defer unix.Close(caller)
	defer stdin.Close()
	before := settings(t, int(stdin.Fd()))
	before.Iflag |= unix.IXOFF // something of its own
	systest.MustDo(t, unix.IoctlSetTermios(int(stdin.Fd()), unix.TCSETS, &before))
	outR, outW := pipe(t)
	s := play(t, int(stdin.Fd()), number(t, outW))
	if !isRaw(t, int(stdin.Fd())) {
		t.Error("it is not raw")
	}
	if settings(t, int(stdin.Fd())).Oflag&unix.OPOST == 0 {
		t.Error("what is printed there would not begin at the left")
	}
	unix.Write(caller, []byte("\x03\r"))
	buf := make([]byte, 3)
	io.ReadFull(outR, buf)
	if string(buf) != "^C\n" {
		t.Errorf("the container's terminal showed %q", buf)
	}
	s.end(t)
	if after := settings(t, int(stdin.Fd())); after != before {
		t.Errorf("settings were %+v and are %+v", before, after)
	}
}

// TestRelayHangUp: when the caller's terminal or the reader has gone, so has the
// container's terminal; only init's end is waited for.
func TestRelayHangUp(t *testing.T) {
	gone := func(s *stage) func() bool {
		return func() bool {
			fds := []unix.PollFd{{Fd: int32(number(t, s.slave)), Events: unix.POLLIN}}
			unix.Poll(fds, 0)
			return fds[0].Revents&unix.POLLHUP != 0
		}
	}
	t.Run("terminal", func(t *testing.T) {
		caller, stdin := terminalPair(t)
		defer stdin.Close()
		_, outW := pipe(t)
		s := play(t, int(stdin.Fd()), number(t, outW))
		unix.Close(caller)
		until(t, "hung up", gone(s))
		s.end(t)
	})
	t.Run("reader", func(t *testing.T) {
		inR, _ := pipe(t)
		outR, outW := pipe(t)
		s := play(t, number(t, inR), number(t, outW))
		outR.Close()
		s.slave.WriteString("text")
		until(t, "hung up", gone(s))
		s.end(t)
	})
}

// TestRelayDiskFull: what can't be written is lost; the container goes on.
func TestRelayDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	systest.MustDo(t, err)
	defer full.Close()
	inR, inW := pipe(t)
	s := play(t, number(t, inR), int(full.Fd()))
	for range 100 {
		if _, err := s.slave.Write(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	inW.WriteString("still here\n")
	buf := make([]byte, 100)
	if n, err := s.slave.Read(buf); string(buf[:n]) != "still here\n" {
		t.Errorf("the container read %q, %v", buf[:n], err)
	}
	s.end(t)
}

// TestRelayClose: it may also be ended before init has, and before it began.
func TestRelayClose(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	s := play(t, number(t, inR), number(t, outW))
	systest.MustDo(t, s.Close())
	if s.init.Process.Signal(unix.Signal(0)) != nil {
		t.Error("init has ended")
	}
	s.end(t)
	master, slave := terminalPair(t)
	slave.Close()
	r, err := NewRelay(master)
	systest.MustDo(t, err)
	systest.MustDo(t, r.Close())
	for _, f := range []*os.File{inR, inW, outR, outW} {
		f.Close()
	}
	noneLeft()
}
