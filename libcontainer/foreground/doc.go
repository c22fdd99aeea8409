// Package foreground is the caller's side of a process: its terminal and standard
// streams, sockets and files that the caller has named, and the wait for the end.
package foreground
