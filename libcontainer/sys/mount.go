package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// NewFilesystem makes a filesystem instance that is attached nowhere and
// returns a descriptor of its mount (fsopen, fsconfig, fsmount; Linux 5.2).
// params are "key=value" or a flag's name; attr are MOUNT_ATTR_*.
func NewFilesystem(fstype, source string, params []string, attr uint64) (int, error) {
	return newFilesystem(fstype, source, params, "", attr, false)
}

// NewFilesystemWith is [NewFilesystem] as a configuration asks for it: with one more
// parameter, if it is not empty, and with no symbolic link on the way to an overlay's
// layers.
func NewFilesystemWith(fstype, source string, params []string, more string, attr uint64) (int, error) {
	return newFilesystem(fstype, source, params, more, attr, fstype == "overlay")
}

// TryParams reports the first parameter that a filesystem does not take. Nothing is made.
func TryParams(fstype string, params []string) error {
	fs, errno := raw.Fsopen(fstype)
	if errno != 0 {
		return fault.Call("fsopen", errno)
	}
	defer raw.Close(fs)
	var held held
	defer held.release()
	for i := range params {
		if err := held.setParam(fs, params[i]); err != nil {
			return err
		}
	}
	return nil
}

func newFilesystem(fstype, source string, params []string, more string, attr uint64, layers bool) (int, error) {
	fs, errno := raw.Fsopen(fstype)
	if errno != 0 {
		return -1, fault.Call("fsopen", errno)
	}
	held := held{layers: layers}
	mount, err := held.newMount(fs, source, params, more, attr)
	held.release()
	raw.Close(fs)
	return mount, err
}

func (h *held) newMount(fs int, source string, params []string, more string, attr uint64) (int, error) {
	if source != "" {
		if errno := raw.FsconfigString(fs, "source", source); errno != 0 {
			return -1, fsError(fs, "fsconfig source", "", errno)
		}
	}
	for i := range params {
		if err := h.setParam(fs, params[i]); err != nil {
			return -1, err
		}
	}
	if more != "" {
		if err := h.setParam(fs, more); err != nil {
			return -1, err
		}
	}
	if errno := raw.Fsconfig(fs, unix.FSCONFIG_CMD_CREATE); errno != 0 {
		return -1, fsError(fs, "fsconfig create", "", errno)
	}
	mount, errno := raw.Fsmount(fs, attr)
	if errno != 0 {
		return -1, fsError(fs, "fsmount", "", errno)
	}
	return mount, nil
}

// setParam sets a parameter of a filesystem context. What it holds must be open until
// they have been used.
func (h *held) setParam(fs int, param string) error {
	key, value, hasValue := cutParam(param)
	var errno unix.Errno
	switch {
	case isLayer(key) && (h.layers || len(value) > maxParam):
		return h.setLayers(fs, key, value)
	case len(value) > maxParam:
		return fault.New(unix.E2BIG, "fsconfig %s: a value of %d bytes, at most %d are possible").Str(key).Num(int64(len(value))).Num(maxParam)
	case hasValue:
		errno = raw.FsconfigString(fs, key, value)
	default:
		errno = raw.FsconfigFlag(fs, key)
	}
	if errno != 0 {
		return fsError(fs, "fsconfig %s", key, errno) // the step says the value
	}
	return nil
}

func cutParam(param string) (key, value string, hasValue bool) {
	for i := 0; i < len(param); i++ {
		if param[i] == '=' {
			return param[:i], param[i+1:], true
		}
	}
	return param, "", false
}

// Reconfigure changes parameters of the filesystem of a mount, for all its
// mounts; the others stay (fspick, fsconfig; Linux 5.2).
func Reconfigure(mount int, params []string) error {
	fs, errno := raw.Fspick(mount)
	if errno != 0 {
		return fault.Call("fspick", errno)
	}
	var held held
	err := held.reconfigure(fs, params)
	held.release()
	raw.Close(fs)
	return err
}

func (h *held) reconfigure(fs int, params []string) error {
	for i := range params {
		if err := h.setParam(fs, params[i]); err != nil {
			return err
		}
	}
	if errno := raw.Fsconfig(fs, unix.FSCONFIG_CMD_RECONFIGURE); errno != 0 {
		return fsError(fs, "fsconfig reconfigure", "", errno)
	}
	return nil
}

// fsError adds what the kernel has to say about a filesystem context: reading
// the context's descriptor gives its messages, one at a time. The text has a verb if
// there is a parameter.
func fsError(fs int, text, param string, errno unix.Errno) *fault.Fault {
	failed := fault.New(errno, text)
	failed.Call = "fsconfig"
	if text == "fsmount" {
		failed.Call = text
	}
	if param != "" {
		failed.Str(param)
	}
	var buf [512]byte
	n, _ := raw.Read(fs, buf[:])
	if n <= 2 {
		return failed
	}
	said := buf[2:n] // after "e ", the level
	for len(said) > 0 && said[len(said)-1] <= ' ' {
		said = said[:len(said)-1]
	}
	switch text {
	case "fsconfig source":
		failed.Text = "fsconfig source (%s)"
	case "fsconfig create":
		failed.Text = "fsconfig create (%s)"
	case "fsconfig reconfigure":
		failed.Text = "fsconfig reconfigure (%s)"
	case "fsmount":
		failed.Text = "fsmount (%s)"
	default:
		failed.Text = "fsconfig %s (%s)"
	}
	failed.Str(raw.String(said))
	return failed
}

// AttachMount attaches the mount of a descriptor onto the place another
// descriptor stands for (move_mount by descriptor: no path is looked up).
func AttachMount(mount, target int) error {
	return fault.Call("move_mount", raw.MoveMount(mount, target))
}

// CloneTree makes a detached copy of the mount at path below dir; an empty
// path means dir itself (open_tree with OPEN_TREE_CLONE).
func CloneTree(dir int, path string, flags uint) (int, error) {
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	fd, errno := raw.OpenTree(dir, path, flags|unix.OPEN_TREE_CLONE)
	if errno != 0 {
		return -1, fault.Call("open_tree", errno)
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
// with all mounts below it if recursive is set. A mount below a mount of the
// host can be what protects something: each caller has its reason in .imports.
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
	var flags uint
	if recursive {
		flags = unix.AT_RECURSIVE
	}
	return fault.Call("mount_setattr", raw.MountSetattr(mount, flags, attr))
}
