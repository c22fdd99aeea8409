package systemd

import (
	"errors"
	"fmt"
	"time"

	"github.com/crun-go/crun-go/cgroups/systemd/internal/dbus"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// begin gives what is asked for next its time.
func (c *Conn) begin() {
	c.deadline = time.Now().Add(timeout)
	c.bus.Until(c.deadline)
}

// restarted reports whether the error is that systemd has closed the connection, as it
// does when it re-executes, and has been reached again. It keeps its units and jobs; the
// last request may have reached it or not.
func (c *Conn) restarted(err error) bool {
	if !errors.Is(err, dbus.ErrClosed) {
		return false
	}
	fresh, err := dial(c.places)
	if err != nil {
		return false
	}
	c.bus.Close()
	c.bus, c.dest = fresh.bus, fresh.dest
	c.bus.Until(c.deadline)
	return true
}

// callTwice is call for what may be done twice: it asks again if systemd was
// restarted meanwhile.
func (c *Conn) callTwice(method, signature string, args *dbus.Body) (*dbus.Message, error) {
	answer, err := c.call(method, signature, args)
	if c.restarted(err) {
		answer, err = c.call(method, signature, args)
	}
	return answer, err
}

// startAgain starts a unit that systemd may have begun to start before it was
// restarted. Then the end of the job is not signalled: the signal goes to the
// connection that had asked.
func (c *Conn) startAgain(u *Unit, pid int) error {
	err := c.start(u, pid)
	if !isError(err, "UnitExists") {
		return err
	}
	if text, asked := c.property(u.Name, "org.freedesktop.systemd1.Unit", "Description"); asked != nil || text != u.Description {
		return errors.Join(err, asked) // another container's
	}
	for {
		state, err := c.property(u.Name, "org.freedesktop.systemd1.Unit", "ActiveState")
		switch {
		case err != nil:
			return err
		case state == "active":
			return nil
		case state != "activating" && state != "inactive":
			return fmt.Errorf("the unit is %s", state)
		case time.Now().After(c.deadline):
			return fmt.Errorf("systemd has not done it in %v", timeout)
		}
		retry.Sleep(10 * time.Millisecond)
	}
}
