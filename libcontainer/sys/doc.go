// Package sys holds typed system calls and the three ways of opening things
// that crun-go allows itself: in-root by descriptor, a verified procfs, and a
// verified device. Paths that an image or a container can influence go through
// here and nowhere else (see SECURITY in docs).
package sys
