package wire

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// TestDiscard: a socket that lingers does not keep whoever has received it.
func TestDiscard(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	systest.MustDo(t, err)
	defer l.Close()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	systest.MustDo(t, err)
	systest.MustDo(t, unix.Connect(s, &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}))
	systest.MustDo(t, unix.SetNonblock(s, true))
	for err == nil {
		_, err = unix.Write(s, make([]byte, 1<<20))
	}
	systest.MustDo(t, unix.SetNonblock(s, false))
	systest.MustDo(t, unix.SetsockoptLinger(s, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 60}))
	a, b := pair(t)
	systest.MustDo(t, b.Send(Phase, nil, s))
	unix.Close(s)
	m, err := a.Recv()
	systest.MustDo(t, err)
	began := time.Now()
	m.Close()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("closing took %v", took)
	}
}
