// Package systemd has systemd make, limit and end the cgroup of a container, as
// a transient unit (org.freedesktop.systemd1(5)), of the system's systemd or of
// a user's.
//
// A scope needs a process to start with. The caller offers one that waits, has
// it put into the scope by [Conn.Start], and lets it make the container's init
// there: so init is cloned into its cgroup, and only systemd moves processes.
//
// Limits are properties of the unit as well as values in the cgroup's files:
// systemd writes all that it knows of into the files whenever it likes, such as
// when a property of the unit changes, or another unit of the slice needs one more
// controller. What it has no property for it leaves alone, and also the device
// filter: there are no properties for devices, so systemd does not replace the
// container's filter with one of its own.
//
// systemd can re-execute at any time. It keeps units and jobs, but not connections:
// requests are repeated.
package systemd
