// Package systemd has systemd make, limit and end the cgroup of a container, as
// a transient unit (org.freedesktop.systemd1(5)), of the system's systemd or of
// a user's.
//
// A scope needs a process to start with. The caller offers one that waits, has
// it put into the scope by [Conn.Start], and lets it make the container's init
// there: so init is born in its cgroup, though nothing but systemd ever moved a
// process.
//
// Limits are properties of the unit as well as values in the cgroup's files:
// systemd writes what it knows of back into the files whenever it likes, at
// daemon-reload for one. What it has no property for it leaves alone, and also
// the device filter: there are no properties for devices, so that systemd has
// no filter of its own to put in the place of the container's.
package systemd
