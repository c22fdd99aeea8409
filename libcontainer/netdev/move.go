package netdev

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Device is a network device that is to move.
type Device struct {
	Name string // where it comes from
	To   string // where it goes; "%d" in it stands for a number the kernel picks
	Up   bool   // it was up when it was found
	MAC  string // its link-layer address in hexadecimal, by which it is known again
}

// Namespaces are the two ends of a move.
type Namespaces struct {
	home, away     socket
	homeFD, awayFD int
}

// Open opens both ends: the calling thread's network namespace, and the one
// that away is a descriptor of. Away stays the caller's.
func Open(away int) (*Namespaces, error) {
	runtime.LockOSThread()
	n := &Namespaces{home: socket{-1}, away: socket{-1}, awayFD: away}
	var err error
	if n.homeFD, err = retry.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		runtime.UnlockOSThread()
		return nil, &os.PathError{Op: "open", Path: "/proc/thread-self/ns/net", Err: err}
	}
	n.home, err = open()
	if err == nil {
		err = os.NewSyscallError("setns", unix.Setns(away, unix.CLONE_NEWNET))
	}
	if err == nil {
		n.away, err = open()
		if back := unix.Setns(n.homeFD, unix.CLONE_NEWNET); back != nil {
			// The thread is lost to a foreign namespace: it stays locked.
			n.Close()
			return nil, os.NewSyscallError("setns", back)
		}
	}
	runtime.UnlockOSThread()
	if err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Close releases what Open has opened.
func (n *Namespaces) Close() {
	n.home.close()
	n.away.close()
	unix.Close(n.homeFD)
}

// Find looks the device up at home. The error is ENODEV if it is not there.
func (n *Namespaces) Find(d *Device) error {
	l, err := n.home.link(d.Name)
	if err != nil {
		return err
	}
	d.Up, d.MAC = l.up, l.mac
	return nil
}

// Move takes a device that was found away, and brings it up there. If that
// fails, it is back home, as it was.
func (n *Namespaces) Move(d *Device) error {
	err := move(n.home, n.away, n.awayFD, d.Name, d.To, true)
	if err != nil {
		return errors.Join(err, n.GiveBack(d))
	}
	return nil
}

// GiveBack takes a device back home, wherever on its way it is. One that is not
// away, or no longer exists, is not an error: virtual devices end with their
// namespace.
func (n *Namespaces) GiveBack(d *Device) error {
	list, err := n.away.links(unix.NLM_F_DUMP)
	if err != nil {
		return fmt.Errorf("give back network device %q: list devices: %w", d.Name, err)
	}
	for _, l := range list {
		if l.mac != d.MAC || l.name != passing(d.Name) && !matches(d.To, l.name) {
			continue // another one's
		}
		if err := move(n.away, n.home, n.homeFD, l.name, d.Name, d.Up); err != nil {
			return fmt.Errorf("give back network device %q: %w", d.Name, err)
		}
	}
	return nil
}

// matches reports whether a device's name is the wanted one, or one that the
// kernel has made of it.
func matches(wanted, name string) bool {
	before, after, template := strings.Cut(wanted, "%d")
	if !template {
		return wanted == name
	}
	number, ok := strings.CutPrefix(name, before)
	number, ok2 := strings.CutSuffix(number, after)
	return ok && ok2 && number != "" && strings.Trim(number, "0123456789") == ""
}

// passing is the name of a device between two namespaces. The kernel moves
// first and renames then: under a unique name a device is found
// again, and one whose name is taken does not get stuck on the other side.
func passing(name string) string {
	hash := uint32(2166136261) // FNV-1a
	for _, c := range []byte(name) {
		hash = (hash ^ uint32(c)) * 16777619
	}
	return "passing" + strconv.FormatUint(uint64(hash), 36) // at most 14 bytes of 15
}

func move(from, to socket, toFD int, name, toName string, up bool) error {
	l, err := from.link(name)
	if err != nil {
		return err
	}
	addresses, err := from.addresses(l.index)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	if err := from.set(l.index, number(unix.IFLA_NET_NS_FD, uint32(toFD)), text(unix.IFLA_IFNAME, passing(name))); err != nil {
		return err
	}
	moved, err := to.link(passing(name))
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if err := to.addAddress(moved.index, a); err != nil {
			return fmt.Errorf("add address: %w", err)
		}
	}
	if err := to.set(moved.index, text(unix.IFLA_IFNAME, toName)); err != nil {
		return fmt.Errorf("rename to %q: %w", toName, err)
	}
	if err := to.setUp(moved.index, up); err != nil {
		return fmt.Errorf("bring up: %w", err)
	}
	return nil
}
