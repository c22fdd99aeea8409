package spawn

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// elsewhere is a directory on which nothing is mounted, of a filesystem where no
// program lies: layers must not be below one another, and one with mounts on it can't
// be used from another user namespace.
const elsewhere = "/sys/class"

const sealedAttr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// overlaidSelf opens this program on an overlay of its directory and another one.
func overlaidSelf(other int) (Sealed, error) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return Unsealed, err
	}
	path, name := filepath.Split(exe)
	dir, err := retry.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Unsealed, err
	}
	defer unix.Close(dir)
	mount, err := overlay(dir, other)
	if errors.Is(err, unix.ELOOP) {
		mount, err = overlayElsewhere(dir)
	}
	s := Sealed{FD: -1, Mount: mount}
	if errors.Is(err, unix.EPERM) && haveVfork {
		s, err = foreignOverlay(path)
	}
	if err != nil {
		return Unsealed, err
	}
	err = s.open(name)
	return s, err
}

// open opens the program, whose name that is, on its mount.
func (s *Sealed) open(name string) error {
	var err error
	s.FD, err = retry.Openat(s.Mount, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil {
		err = sameFile(s.FD)
	}
	if err != nil {
		s.Close()
	}
	return err
}

// overlay mounts an overlay of two directories, nowhere.
func overlay(a, b int) (int, error) {
	// By descriptor: a path could need escapes.
	layers := "lowerdir=/proc/self/fd/" + strconv.Itoa(a) + ":/proc/self/fd/" + strconv.Itoa(b)
	return sys.NewFilesystem("overlay", "", []string{"ro", layers}, sealedAttr)
}

func overlayElsewhere(dir int) (int, error) {
	other, err := retry.Open(elsewhere, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(other)
	return overlay(dir, other)
}

// overlayChild mounts an overlay where the caller is not allowed to: in a user and a mount
// namespace made for that, which hold no process once it has exited. It shares memory and
// descriptors with the caller, so that the mount stays.
type overlayChild struct {
	args                                 cloneArgs
	dir, fstype, readOnly, lower, layers *byte

	mount uintptr
	errno unix.Errno // EINTR until it is known: a killed process reports nothing
}

func foreignOverlay(path string) (Sealed, error) {
	text, err := pointers([]string{path, "overlay", "ro", "lowerdir", ".:" + elsewhere})
	if err != nil {
		return Unsealed, err
	}
	o := &overlayChild{dir: text[0], fstype: text[1], readOnly: text[2], lower: text[3], layers: text[4], args: cloneArgs{
		flags: unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_FILES | unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_CLEAR_SIGHAND,
	}, errno: unix.EINTR} // No exit signal: no other wait finds it.
	pid, errno := o.fork()
	if errno != 0 {
		return Unsealed, os.NewSyscallError("clone3", errno)
	}
	s := Sealed{FD: -1, Mount: int(o.mount), helper: pid}
	if o.errno != 0 {
		s.Mount = -1
		s.Close()
		return Unsealed, os.NewSyscallError("overlay", o.errno)
	}
	return s, nil
}

// fork makes the child and returns its pid when it has ended. In the child it does not
// return.
//
//go:noinline
//go:norace
func (o *overlayChild) fork() (int, unix.Errno) {
	beforeFork()
	pid, errno := vforkClone3(&o.args, sizeofCloneArgs)
	if errno != 0 || pid != 0 {
		afterFork()
		return int(pid), unix.Errno(errno)
	}
	o.errno = o.make()
	for {
		call(unix.SYS_EXIT, 0, 0, 0)
	}
}

//go:nosplit
//go:norace
func (o *overlayChild) make() unix.Errno {
	// In the new mount namespace the mounts are copies: the layers must be opened again.
	if _, errno := call(unix.SYS_CHDIR, uintptr(unsafe.Pointer(o.dir)), 0, 0); errno != 0 {
		return errno
	}
	fs, errno := call(unix.SYS_FSOPEN, uintptr(unsafe.Pointer(o.fstype)), unix.FSOPEN_CLOEXEC, 0)
	if errno != 0 {
		return errno
	}
	_, errno = call6(unix.SYS_FSCONFIG, fs, unix.FSCONFIG_SET_FLAG, uintptr(unsafe.Pointer(o.readOnly)), 0, 0, 0)
	if errno == 0 {
		_, errno = call6(unix.SYS_FSCONFIG, fs, unix.FSCONFIG_SET_STRING, uintptr(unsafe.Pointer(o.lower)), uintptr(unsafe.Pointer(o.layers)), 0, 0)
	}
	if errno == 0 {
		_, errno = call6(unix.SYS_FSCONFIG, fs, unix.FSCONFIG_CMD_CREATE, 0, 0, 0, 0)
	}
	if errno == 0 {
		o.mount, errno = call(unix.SYS_FSMOUNT, fs, unix.FSMOUNT_CLOEXEC, sealedAttr)
	}
	call(unix.SYS_CLOSE, fs, 0, 0)
	return errno
}

// sameFile guards against the binary having been replaced since it was
// started: its successor may speak another protocol.
func sameFile(fd int) error {
	var overlaid, running unix.Stat_t
	if err := unix.Fstat(fd, &overlaid); err != nil {
		return err
	}
	if err := unix.Stat("/proc/self/exe", &running); err != nil {
		return err
	}
	if overlaid.Ino != running.Ino || overlaid.Size != running.Size || overlaid.Mtim != running.Mtim {
		return fmt.Errorf("the program was replaced while it ran")
	}
	return nil
}
