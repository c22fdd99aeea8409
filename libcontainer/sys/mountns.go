package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// openTreeNamespace is OPEN_TREE_NAMESPACE of open_tree(2) (Linux 7.0).
const openTreeNamespace = 0x2

// TreeNamespace makes a mount namespace whose root is a copy of the tree of mounts at a
// directory, and holds nothing else. Its owner is this process's user namespace.
func TreeNamespace(dir int) (int, error) {
	fd, errno := raw.OpenTree(dir, "", openTreeNamespace|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if errno != 0 {
		return -1, fault.Call("open_tree", errno)
	}
	return fd, nil
}

// HasTreeNamespace reports whether TreeNamespace can succeed: a kernel that does not have
// it complains of the flag, one that does and lets this process use it, of the descriptor.
func HasTreeNamespace() bool {
	_, errno := raw.OpenTree(-1, "", openTreeNamespace|unix.AT_EMPTY_PATH)
	return errno == unix.EBADF
}
