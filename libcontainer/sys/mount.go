package sys

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// NewFilesystem makes a filesystem instance that is attached nowhere and
// returns a descriptor of its mount (fsopen, fsconfig, fsmount; Linux 5.2).
// params are "key=value" or a flag's name; attr are MOUNT_ATTR_*.
func NewFilesystem(fstype, source string, params []string, attr uint64) (int, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	if source != "" {
		if err := unix.FsconfigSetString(fs, "source", source); err != nil {
			return -1, fsError(fs, "fsconfig source", err)
		}
	}
	held, err := setParams(fs, params)
	for _, fd := range held {
		defer unix.Close(fd)
	}
	if err != nil {
		return -1, err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fsError(fs, "fsconfig create", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attr))
	if err != nil {
		return -1, fsError(fs, "fsmount", err)
	}
	return fd, nil
}

// setParams sets parameters of a filesystem context. What is returned must be open
// until they have been used.
func setParams(fs int, params []string) (held []int, err error) {
	for _, p := range params {
		key, value, hasValue := strings.Cut(p, "=")
		switch {
		case len(value) > maxParam:
			var more []int
			more, err = setLong(fs, key, value)
			held = append(held, more...)
		case hasValue:
			err = unix.FsconfigSetString(fs, key, value)
		default:
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err != nil {
			return held, fsError(fs, "fsconfig "+key, err) // the step says the value
		}
	}
	return held, nil
}

// Reconfigure changes parameters of the filesystem of a mount, for all its
// mounts; the others stay (fspick, fsconfig; Linux 5.2).
func Reconfigure(mount int, params []string) error {
	fs, err := unix.Fspick(mount, "", unix.FSPICK_EMPTY_PATH|unix.FSPICK_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("fspick", err)
	}
	defer unix.Close(fs)
	held, err := setParams(fs, params)
	for _, fd := range held {
		defer unix.Close(fd)
	}
	if err != nil {
		return err
	}
	if err := unix.FsconfigReconfigure(fs); err != nil {
		return fsError(fs, "fsconfig reconfigure", err)
	}
	return nil
}

// fsError adds what the kernel has to say about a filesystem context: reading
// the context's descriptor gives its messages, one at a time.
func fsError(fs int, op string, err error) error {
	buf := make([]byte, 512)
	if n, _ := retry.Read(fs, buf); n > 2 {
		op += " (" + strings.TrimSpace(string(buf[2:n])) + ")" // after "e ", the level
	}
	return os.NewSyscallError(op, err)
}

// AttachMount attaches the mount of a descriptor onto the place another
// descriptor stands for (move_mount by descriptor: no path is looked up).
func AttachMount(mount, target int) error {
	return os.NewSyscallError("move_mount", unix.MoveMount(mount, "", target, "",
		unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// CloneTree makes a detached copy of the mount at path below dir; an empty
// path means dir itself (open_tree with OPEN_TREE_CLONE).
func CloneTree(dir int, path string, flags uint) (int, error) {
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	fd, err := unix.OpenTree(dir, path, flags|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("open_tree", err)
	}
	return fd, nil
}

// RestrictMount sets attributes of a mount, and of all mounts below it if
// recursive is set, and their propagation if that is not 0 (mount_setattr; Linux
// 5.12). Unlike a remount it changes nothing that is not named, and it takes no
// attribute away: set is none of MOUNT_ATTR__ATIME.
func RestrictMount(mount int, set, propagation uint64, recursive bool) error {
	attr := unix.MountAttr{Attr_set: set, Propagation: propagation}
	return setattr(mount, &attr, recursive)
}

// ChangeMountAttr sets attributes of a mount and takes others away, and does so
// with all mounts below it if recursive is set. What is taken from a mount of the
// host's can be its protection: who calls this has to say why it may (.imports).
func ChangeMountAttr(mount int, set, clear uint64, recursive bool) error {
	attr := unix.MountAttr{Attr_set: set, Attr_clr: clear}
	return setattr(mount, &attr, recursive)
}

// SetMountIDMap maps the ids of a detached mount by a user namespace.
func SetMountIDMap(mount, userns int, recursive bool) error {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns)}
	return setattr(mount, &attr, recursive)
}

func setattr(mount int, attr *unix.MountAttr, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return os.NewSyscallError("mount_setattr", unix.MountSetattr(mount, "", flags, attr))
}
