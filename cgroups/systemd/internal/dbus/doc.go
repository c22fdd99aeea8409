// Package dbus is a client of D-Bus as far as talking to systemd takes it: one
// connection, one call at a time, signals, and the few types of systemd's
// arguments. It is small because it is on the way of every container that
// systemd makes the cgroup of: no reflection, no goroutine, no name resolution.
//
// Reference: https://dbus.freedesktop.org/doc/dbus-specification.html, "the
// specification" below.
package dbus
