// Package sources opens what of the host is mounted in a container: trees of mounts, with
// their ids mapped and their flags locked.
package sources
