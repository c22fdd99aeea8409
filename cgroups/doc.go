// Package cgroups makes, limits, watches and removes control groups of the
// unified hierarchy (cgroup v2). It knows the kernel's files and the OCI
// resource values that go into them, and nothing of containers.
//
// Everything below the mount point is done by descriptor: a [Cgroup] holds its
// directory open, files are opened relative to it, and paths are resolved one
// name at a time with openat2(2) so that neither a symbolic link nor a mount
// can lead elsewhere.
//
// A cgroup v1 hierarchy is never written to. On a hybrid host [Find] locates
// the v2 hierarchy, which serves for lifecycle, freezing, killing and the
// device filter; a limit whose controller v1 owns is an [Error] that says so.
//
// Kernel reference: Documentation/admin-guide/cgroup-v2.rst.
package cgroups
