package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups/systemd/internal/dbus"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// timeout bounds whatever systemd is asked for: a systemd that is busy, with
// hundreds of units starting, takes its time.
const timeout = 30 * time.Second

// ErrNoSystemd is in the chain of the error if no systemd can be talked to.
var ErrNoSystemd = errors.New("no systemd to talk to")

// Conn is a connection to systemd. It is not safe for concurrent use. The
// owner calls Close.
type Conn struct {
	bus      *dbus.Conn
	dest     string // systemd's name on a bus; empty if there is no bus between
	places   []address
	deadline time.Time // of what is being asked for
}

// address is a place where systemd may be listening.
type address struct {
	path string
	bus  bool // a message bus is listening, behind which systemd may be
}

// Dial connects to the system's systemd, or to that of the user of this
// process. Directly, if possible: the bus is one more program to wait for.
func Dial(user bool) (*Conn, error) {
	places := systemPlaces(os.Getenv)
	if user {
		places = userPlaces(os.Getenv, hostUID())
	}
	return dial(places)
}

// dial connects to the first place where systemd answers. If it answers
// nowhere, it may be re-executing ("systemctl daemon-reexec", an update of its package):
// then it will answer soon.
func dial(places []address) (*Conn, error) {
	for end := time.Now().Add(timeout); ; retry.Sleep(20 * time.Millisecond) {
		c, coming, err := dialOnce(places)
		if err == nil || !coming || time.Now().After(end) {
			return c, err
		}
	}
}

func dialOnce(places []address) (c *Conn, coming bool, err error) {
	deadline := time.Now().Add(timeout)
	var tried []string
	for _, place := range places {
		c, err := dialOne(place, deadline)
		if err == nil {
			c.places = places
			return c, false, nil
		}
		coming = coming || !place.bus && (errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, dbus.ErrClosed))
		reason := err.Error()
		if errors.Is(err, unix.ENOENT) {
			// Engines read the errno's words as "the container's command was
			// not found".
			reason = "not there"
		}
		tried = append(tried, fmt.Sprintf("%s: %s", place.path, reason))
	}
	return nil, coming, fmt.Errorf("%w (%s)", ErrNoSystemd, strings.Join(tried, "; "))
}

func dialOne(place address, deadline time.Time) (*Conn, error) {
	bus, err := dbus.Dial(place.path, deadline)
	if err != nil {
		return nil, err
	}
	c := &Conn{bus: bus, deadline: deadline}
	if place.bus {
		err = c.enterBus()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// enterBus says hello, and asks for the signals that a direct connection
// carries unasked.
func (c *Conn) enterBus() error {
	const bus = "org.freedesktop.DBus"
	daemon := dbus.Method{Destination: bus, Path: "/org/freedesktop/DBus", Interface: bus, Member: "Hello"}
	if _, err := c.bus.Call(daemon, "", nil); err != nil {
		return err
	}
	var match dbus.Body
	match.Text("type='signal',sender='" + systemdName + "',path='" + managerPath + "',interface='" + managerInterface + "',member='JobRemoved'")
	daemon.Member = "AddMatch"
	if _, err := c.bus.Call(daemon, "s", &match); err != nil {
		return err
	}
	c.dest = systemdName
	_, err := c.call("Subscribe", "", nil)
	return err
}

// Close ends the connection. Units stay.
func (c *Conn) Close() error { return c.bus.Close() }

func systemPlaces(env func(string) string) []address {
	bus := "/run/dbus/system_bus_socket"
	if path := unixPath(env("DBUS_SYSTEM_BUS_ADDRESS")); path != "" {
		bus = path
	}
	return []address{{path: "/run/systemd/private"}, {path: bus, bus: true}}
}

// userPlaces knows where the sockets of a user's systemd are when no variable
// says so: engines run delete with next to no environment.
func userPlaces(env func(string) string, uid int) []address {
	dir := env("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = "/run/user/" + strconv.Itoa(uid)
	}
	places := []address{{path: dir + "/systemd/private"}}
	session := unixPath(env("DBUS_SESSION_BUS_ADDRESS"))
	if session != "" {
		places = append(places, address{path: session, bus: true})
	}
	if bus := dir + "/bus"; bus != session {
		places = append(places, address{path: bus, bus: true})
	}
	return places
}

// unixPath returns the first unix socket of a list of D-Bus addresses
// (specification, "Server Addresses"): a path, or "@" and an abstract name.
func unixPath(list string) string {
	for one := range strings.SplitSeq(list, ";") {
		params, ok := strings.CutPrefix(one, "unix:")
		if !ok {
			continue
		}
		for param := range strings.SplitSeq(params, ",") {
			switch key, value, _ := strings.Cut(param, "="); key {
			case "path":
				return unescape(value)
			case "abstract":
				return "@" + unescape(value)
			}
		}
	}
	return ""
}

// unescape undoes the %XX of an address. What is not of that form stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// hostUID is this process's effective user id outside its user namespace, by
// which systemd names the user's directories.
func hostUID() int {
	uid := os.Geteuid()
	text, err := retry.ReadFile("/proc/self/uid_map")
	if err != nil {
		return uid
	}
	maps, err := proc.ParseIDMap(text)
	if host := proc.HostID(maps, uint32(uid)); err == nil && host >= 0 {
		return host
	}
	return uid
}
