package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// separateForCRIU is separate for what only root can do.
func separateForCRIU() error {
	err := sources.Separate()
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("make a mount namespace for CRIU, which needs root's privileges: %w", err)
	}
	return err
}

// stageTop mounts a tmpfs for what CRIU is to find, and returns a descriptor of a
// directory in it, and its path: that of the container's state directory. It
// must be within reach of the root of the user namespace in which CRIU mounts,
// so the tmpfs covers the first directory on the way that is not.
func stageTop(dir *state.Dir, root string) (top int, path string, err error) {
	path, err = filepath.EvalSymlinks(filepath.Join(root, dir.ID()))
	if err != nil {
		return -1, "", err
	}
	// By path: the descriptor that is held is of another mount namespace.
	fd, err := retry.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { unix.Close(fd) }()
	if same, err := sys.SameDescriptors(fd, dir.FD()); err != nil || !same {
		return -1, "", errors.Join(err, fmt.Errorf("%q is not the container's state directory any more", path))
	}
	at, rest, err := closedAbove(path)
	if err != nil {
		return -1, "", err
	}
	if rest != "" {
		unix.Close(fd)
		if fd, err = retry.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err != nil {
			return -1, "", &os.PathError{Op: "open", Path: at, Err: err}
		}
	}
	tmpfs, err := sys.NewFilesystem("tmpfs", "crun-go", []string{"mode=0711"}, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return -1, "", err
	}
	defer unix.Close(tmpfs)
	if err := sys.AttachMount(tmpfs, fd); err != nil {
		return -1, "", err
	}
	top, err = sys.MkdirAllInRoot(tmpfs, "/"+rest, 0o711)
	return top, path, err
}

// closedAbove finds the first directory of a path that not everybody may search,
// and what comes after it. If there is none it is the path itself.
func closedAbove(path string) (at, rest string, err error) {
	for i := 1; i < len(path); i++ {
		if path[i] != '/' {
			continue
		}
		st, err := os.Lstat(path[:i])
		if err != nil {
			return "", "", err
		}
		if st.Mode().Perm()&0o001 == 0 {
			return path[:i], path[i+1:], nil
		}
	}
	return path, "", nil
}

// unifiedYard is what CRIU calls cgroup v2 in its yard.
const unifiedYard = "unified"

// stageYard puts the cgroup filesystem where CRIU would mount it. It would do so
// without the options that the host's has, and those hold for all its mounts:
// nsdelegate and memory_recursiveprot would be gone everywhere. Beside
// hierarchies of version 1 CRIU has to do it itself.
func stageYard(dir int, top, hierarchy string) (string, error) {
	if hierarchy != cgroups.Root {
		return "", nil
	}
	if err := unix.Mkdirat(dir, "cgroup", 0o700); err != nil {
		return "", &os.PathError{Op: "mkdir", Path: "cgroup", Err: err}
	}
	tree, err := sys.CloneTree(unix.AT_FDCWD, hierarchy, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(tree)
	return top + "/cgroup", sources.AttachAt(dir, "cgroup/"+unifiedYard, tree)
}
