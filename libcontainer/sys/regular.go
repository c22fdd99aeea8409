package sys

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// To open a device may be enough to act on it: it arms a watchdog, rewinds a
// tape, loads a module. To open a fifo may take for ever. So a file whose name
// or place somebody else decides on is looked at by an O_PATH descriptor first,
// and what that stands for is opened through procfs: no other file can take its
// place in between.
//
// What the kernel makes up as it is read is no regular file here, whatever its
// type says: /proc/kmsg is one that waits, and each message is for one reader.

// OpenRegular opens a file of the host for reading, if it is a regular one.
// Symbolic links are followed.
func OpenRegular(path string) (int, error) {
	return openAs(path, path, unix.S_IFREG)
}

// OpenRegularInRoot is [OpenRegular] for a path below a root, see [OpenInRoot].
// It is for the parent: init's procfs is the container's.
func OpenRegularInRoot(root int, path string) (int, error) {
	fd, err := OpenInRoot(root, path, unix.O_PATH)
	if err != nil {
		return -1, err
	}
	return reopenAs(fd, path, unix.S_IFREG)
}

// OpenNamespace opens a file of the host for setns(2), if it is a namespace.
func OpenNamespace(path string) (int, error) {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Statfs_t
	if err := retry.Fstatfs(fd, &st); err != nil {
		unix.Close(fd)
		return -1, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	if st.Type != unix.NSFS_MAGIC {
		defer unix.Close(fd)
		return -1, &os.PathError{Op: "open", Path: path, Err: fmt.Errorf("expected a namespace, found a %s", typeOf(fd))}
	}
	return reopenAs(fd, path, unix.S_IFREG)
}

// ReadRegular reads a whole file of the host, of at most limit bytes, if it is
// a regular one. Each error names it.
func ReadRegular(path string, limit int) ([]byte, error) {
	fd, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readWhole(fd, path, limit)
}

// ReadGiven reads a whole file of at most limit bytes that the caller of the
// program has named: a regular file, a fifo, or a descriptor of the caller's
// (see [OwnDescriptor]; "-" is standard input), whatever that is.
func ReadGiven(path string, limit int) ([]byte, error) {
	if path == "-" {
		return readWhole(0, "standard input", limit)
	}
	if fd, ok := OwnDescriptor(path); ok {
		return readWhole(fd, path, limit)
	}
	fd, err := openAs(path, path, unix.S_IFREG, unix.S_IFIFO)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readWhole(fd, path, limit)
}

// readWhole is ReadHead for a file that must not be longer than limit.
func readWhole(fd int, name string, limit int) ([]byte, error) {
	data, err := ReadHead(fd, limit+1)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: name, Err: bareError(err)}
	}
	if len(data) > limit {
		return nil, &os.PathError{Op: "read", Path: name, Err: fmt.Errorf("expected at most %d bytes, found more", limit)}
	}
	return data, nil
}

// bareError takes off an error what the caller says better: the name of the file, or
// of the call.
func bareError(err error) error {
	switch failed := err.(type) {
	case *os.PathError:
		return failed.Err
	case *os.SyscallError:
		return failed.Err
	case *fault.Fault:
		if failed.Errno != 0 {
			return failed.Errno
		}
	}
	return err
}

// openAs opens a file of the host for reading, if it is of one of the kinds
// (S_IF*).
func openAs(path, name string, kinds ...uint32) (int, error) {
	fd, err := retry.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return reopenAs(fd, name, kinds...)
}

// reopenAs opens what an O_PATH descriptor, which it closes, stands for.
func reopenAs(fd int, name string, kinds ...uint32) (int, error) {
	defer unix.Close(fd)
	if err := checkKind(fd, kinds...); err != nil {
		return -1, &os.PathError{Op: "read", Path: name, Err: bareError(err)}
	}
	proc, err := HostProc()
	if err != nil {
		return -1, err
	}
	defer proc.Close()
	got, err := proc.Reopen(fd, unix.O_RDONLY|unix.O_NOCTTY)
	if errno := fault.Errno(err); errno != 0 {
		return -1, &os.PathError{Op: "open", Path: name, Err: errno}
	}
	return got, err
}

// typeOf names the type of what a descriptor stands for.
func typeOf(fd int) string {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return "file"
	}
	return FileType(st.Mode)
}

// checkKind finds out whether a descriptor is of one of the kinds, of which the
// first is the one to tell people about, and not made up by the kernel. Only an error
// of the kernel's has an errno.
func checkKind(fd int, kinds ...uint32) error {
	var st unix.Statx_t
	if errno := raw.Stat(fd, unix.STATX_TYPE, &st); errno != 0 {
		return fault.Call("stat", errno)
	}
	kind := uint32(st.Mode) & unix.S_IFMT
	if !slices.Contains(kinds, kind) {
		return fault.New(0, "expected a %s, found a %s").Str(FileType(kinds[0])).Str(FileType(kind))
	}
	var fs unix.Statfs_t
	if errno := raw.Filesystem(fd, &fs); errno != 0 {
		return fault.Call("stat", errno)
	}
	name := ""
	switch fs.Type {
	case unix.PROC_SUPER_MAGIC:
		name = "procfs"
	case unix.SYSFS_MAGIC:
		name = "sysfs"
	case unix.DEBUGFS_MAGIC:
		name = "debugfs"
	case unix.TRACEFS_MAGIC:
		name = "tracefs"
	default:
		return nil
	}
	return fault.New(0, "expected a %s, found a file of %s").Str(FileType(kinds[0])).Str(name)
}

// CheckRegular finds out whether a descriptor is of a regular file.
func CheckRegular(fd int) error { return checkKind(fd, unix.S_IFREG) }
