// Package criu asks CRIU to dump processes and to restore them.
//
// CRIU serves one client as "criu swrk FD": requests and responses go over a
// socket that keeps message boundaries, as protocol buffers (criu(8), images/rpc.proto).
// On the way it notifies the client, and waits for an answer each time.
//
// The messages are written and read by hand. The generated code that
// go-criu has for them registers its types when a program starts: 0.5 ms and
// 3 MB for each command of a runtime, hardly any of which is a checkpoint. It
// serves as the oracle in the tests.
package criu
