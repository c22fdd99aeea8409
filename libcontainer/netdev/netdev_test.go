package netdev

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		wanted, name string
		want         bool
	}{
		{"eth0", "eth0", true}, {"eth0", "eth1", false}, {"eth0", "eth00", false},
		{"eth%d", "eth12", true}, {"eth%d", "eth", false}, {"eth%d", "ethx", false}, {"eth%d", "eth%d", false},
		{"a%db", "a7b", true}, {"a%db", "a7", false}, {"%d", "4", true}, {"a%da", "a", false},
	} {
		if got := matches(c.wanted, c.name); got != c.want {
			t.Errorf("%q of %q: %t", c.name, c.wanted, got)
		}
	}
}

func TestPassing(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"e", "eth0", "eth1", "enp0s31f6", "123456789012345"} {
		p := passing(name)
		if len(p) > 15 || seen[p] != "" || p == name {
			t.Errorf("%q passes as %q (%q)", name, p, seen[p])
		}
		seen[p] = name
	}
}

func TestAttributes(t *testing.T) {
	two := []byte{5, 0, 1, 0, 'x', 0, 0, 0, 4, 0, 2, 0x80}
	want := []attribute{{1, []byte("x")}, {2, []byte{}}}
	if got := attributes(two); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for n := range len(two) { // cut off anywhere: no more than is there
		if got := attributes(two[:n]); len(got) > 1 || n >= 5 && len(got) != 1 {
			t.Errorf("%d bytes: %v", n, got)
		}
	}
	if got := attributes([]byte{3, 0, 1, 0}); got != nil {
		t.Errorf("an attribute shorter than its head: %v", got)
	}
}

// TestMissing asks the kernel, which needs no privileges.
func TestMissing(t *testing.T) {
	s, err := open()
	if err != nil {
		t.Skipf("no netlink here: %v", err)
	}
	defer s.close()
	if _, err := s.link("no-such-device"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("error %v, want ENODEV", err)
	}
	lo, err := s.link("lo")
	if err != nil || lo.index == 0 || lo.name != "lo" || strings.Trim(lo.mac, "0") != "" {
		t.Errorf("lo is %+v, %v", lo, err)
	}
	list, err := s.links(unix.NLM_F_DUMP)
	if err != nil || len(list) == 0 {
		t.Errorf("devices: %v, %v", list, err)
	}
	if err := s.set(1<<30, text(unix.IFLA_IFNAME, "x")); err == nil {
		t.Error("renamed a device that is not there")
	}
}

// TestForged: answers that are not the kernel's, or to something else, are none.
func TestForged(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("sending to another socket needs root")
	}
	s, err := open()
	if err != nil {
		t.Skipf("no netlink here: %v", err)
	}
	defer s.close()
	if err := unix.Bind(s.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		t.Fatal(err)
	}
	forger, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer forger.close()
	for _, errno := range []int32{0, -int32(unix.EPERM)} {
		forged := make([]byte, unix.SizeofNlMsghdr+unix.SizeofNlMsgerr)
		native.PutUint32(forged, uint32(len(forged)))
		native.PutUint16(forged[4:], unix.NLMSG_ERROR)
		native.PutUint32(forged[8:], requests.Load()+1)
		native.PutUint32(forged[unix.SizeofNlMsghdr:], uint32(errno))
		if err := unix.Sendto(forger.fd, forged, 0, name); err != nil {
			t.Fatal(err)
		}
		if _, err := s.link("none"); !errors.Is(err, unix.ENODEV) {
			t.Errorf("a device that is not there: %v, want %v", err, unix.ENODEV)
		}
		if l, err := s.link("lo"); err != nil || l.name != "lo" {
			t.Errorf("lo is %+v, %v", l, err)
		}
	}
}

// TestInterruptedList: the kernel says of a list that it is not of one moment.
func TestInterruptedList(t *testing.T) {
	message := func(kind, flags uint16, data ...byte) []byte {
		m := make([]byte, unix.SizeofNlMsghdr, 32)
		native.PutUint32(m, uint32(len(m)+len(data)))
		native.PutUint16(m[4:], kind)
		native.PutUint16(m[6:], flags)
		native.PutUint32(m[8:], 7)
		return append(m, data...)
	}
	for flags, want := range map[uint16]bool{0: false, unix.NLM_F_DUMP_INTR: true} {
		r := replies{number: 7}
		if over, err := r.take(message(unix.RTM_NEWLINK, flags, 1, 2, 3, 4)); over || err != nil {
			t.Fatal(over, err)
		}
		if over, err := r.take(message(unix.NLMSG_DONE, 0)); !over || err != nil {
			t.Fatal(over, err)
		}
		if len(r.list) != 1 || r.interrupted != want {
			t.Errorf("%d messages, interrupted %v, want %v", len(r.list), r.interrupted, want)
		}
	}
}
