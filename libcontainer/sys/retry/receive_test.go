package retry

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What is not understood is refused, and leaves no descriptor open.
func TestReceive(t *testing.T) {
	credentials := unix.UnixCredentials(&unix.Ucred{Pid: int32(unix.Getpid()), Uid: uint32(unix.Getuid()), Gid: uint32(unix.Getgid())})
	for _, c := range []struct {
		name     string
		control  []byte
		passcred bool
		fds      int // received; -1: it is refused
	}{
		{"nothing", nil, false, 0},
		{"two descriptors", unix.UnixRights(0, 1), false, 2},
		{"too many descriptors", unix.UnixRights(0, 1, 2, 0, 1, 2), false, -1},
		{"credentials", credentials, true, -1},
		{"descriptors and credentials", append(unix.UnixRights(0), credentials...), true, -1},
	} {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.passcred {
			if err := unix.SetsockoptInt(pair[1], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := unix.Sendmsg(pair[0], []byte("x"), c.control, nil, 0); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Dup(0) // what a descriptor that stays open would take
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(next)
		var p [8]byte
		n, fds, err := Receive(pair[1], p[:], 2)
		if (err != nil) != (c.fds < 0) || n != 1 || err == nil && len(fds) != c.fds {
			t.Errorf("%s: %d bytes, descriptors %d, %v", c.name, n, fds, err)
		}
		for _, fd := range fds {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s: descriptor %d has flags %#x, %v", c.name, fd, flags, err)
			}
			unix.Close(fd)
		}
		if now, err := unix.Dup(0); err != nil || now != next {
			t.Errorf("%s: a descriptor is left", c.name)
		} else {
			unix.Close(now)
		}
		unix.Close(pair[0])
		unix.Close(pair[1])
	}
}
