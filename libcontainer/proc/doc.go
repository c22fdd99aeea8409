// Package proc knows what the kernel calls namespaces, and reads the text of files in
// /proc: a process's stat, its mounts, its ids. It knows nothing of containers. Who calls
// it opens the file, where it matters by a descriptor that is known to be on procfs
// (sys.Proc).
//
// Init has readers of its own (packages rootfs and initproc): they take a byte at a time
// and do not allocate.
package proc
