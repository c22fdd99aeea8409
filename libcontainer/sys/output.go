package sys

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// An Output is where a file that the caller of the program names is written to,
// when its content is known. The file may be in a directory that a container
// writes to.
type Output struct {
	path string
	dir  int // of the file, O_PATH; -1: the output goes to fd
	fd   int // one that this process was started with
	name string
	made unix.Stat_t // the file, once Write has made it
}

// OpenOutput finds out whether a file can be written, and changes nothing yet.
// A new or a regular file will be replaced. "-", /dev/stdout, /dev/stderr,
// /dev/fd/N and /proc/self/fd/N are descriptors that the caller has opened:
// they are written to. All else is refused, links too.
func OpenOutput(path string) (*Output, error) {
	if path == "-" {
		path = "/dev/stdout"
	}
	if fd, ok := OwnDescriptor(path); ok {
		if err := checkWritable(fd); err != nil {
			return nil, &os.PathError{Op: "write to", Path: path, Err: err}
		}
		return &Output{path: path, dir: -1, fd: fd}, nil
	}
	dir, name, err := openParent(path)
	if err != nil {
		return nil, err
	}
	if err := checkReplaceable(dir, name); err != nil {
		unix.Close(dir)
		return nil, &os.PathError{Op: "write", Path: path, Err: err}
	}
	return &Output{path: path, dir: dir, name: name}, nil
}

// openParent opens the directory that a file is in, or is to be in (O_PATH).
func openParent(path string) (dir int, name string, err error) {
	parent, name := filepath.Split(path)
	if parent == "" {
		parent = "."
	}
	if dir, err = retry.Open(parent, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return -1, "", &os.PathError{Op: "open", Path: parent, Err: err}
	}
	return dir, name, nil
}

// checkReplaceable finds out whether ReplaceFile can put a file in the place of
// nothing or of a regular file.
func checkReplaceable(dir int, name string) error {
	if name == "" || name == "." || name == ".." {
		return unix.EISDIR
	}
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil && err != unix.ENOENT {
		return err
	}
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("expected a regular file or none, found a %s", FileType(st.Mode))
	}
	return unix.Faccessat(dir, ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}

// Write writes the output. Mode is that of a file, the umask counts.
func (o *Output) Write(data []byte, mode uint32) error {
	var err error
	if o.dir < 0 {
		err = WriteAll(o.fd, data)
	} else {
		err = ReplaceFile(o.dir, o.name, data, mode, func(fd int) error { return unix.Fstat(fd, &o.made) })
	}
	if err == nil {
		return nil
	}
	if failed, ok := err.(*os.PathError); ok {
		failed.Path = o.path
		return failed
	}
	return &os.PathError{Op: "write", Path: o.path, Err: err}
}

// Remove removes the file that Write has made, if it is still there. A nil Output
// has none.
func (o *Output) Remove() error {
	if o == nil || o.made.Ino == 0 {
		return nil
	}
	var st unix.Stat_t
	err := unix.Fstatat(o.dir, o.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && SameFile(&st, &o.made) {
		err = unix.Unlinkat(o.dir, o.name, 0)
	}
	if err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: o.path, Err: err}
	}
	return nil
}

// Close releases what OpenOutput has opened. A nil Output has nothing.
func (o *Output) Close() {
	if o != nil && o.dir >= 0 {
		unix.Close(o.dir)
	}
}

// OwnDescriptor reports whether a path is by its name alone a descriptor of this
// process, and which: /dev/stdin, /dev/stdout, /dev/stderr, /dev/fd/N,
// /proc/self/fd/N. Whoever has opened it is asked no more: to open it once more
// would need other permissions, start at its beginning, and is impossible for
// sockets.
func OwnDescriptor(path string) (fd int, ok bool) {
	switch path = filepath.Clean(path); path {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	digits, found := strings.CutPrefix(path, "/dev/fd/")
	if !found {
		digits, found = strings.CutPrefix(path, "/proc/self/fd/")
	}
	if !found {
		return -1, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err == nil
}

// checkWritable finds out whether a descriptor is open for writing, and is
// something that one writes to.
func checkWritable(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if mode := flags & unix.O_ACCMODE; flags&unix.O_PATH != 0 || mode != unix.O_WRONLY && mode != unix.O_RDWR {
		return fmt.Errorf("descriptor %d is not open for writing", fd)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFCHR, unix.S_IFIFO, unix.S_IFSOCK:
		return nil
	}
	return fmt.Errorf("descriptor %d is neither a file nor a stream", fd)
}
