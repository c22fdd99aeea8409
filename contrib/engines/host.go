package engines

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// A Host is where engines are looked for and their files are written. Files are named as on the host itself, and opened as
// by a process chrooted into its root: a symbolic link of an image leads nowhere else.
type Host struct {
	root    int    // O_PATH
	prefix  string // the root, for messages; empty: this host
	dirs    []string
	config  string // the user's directory of configuration; empty: the system's
	version func(binary string) string
}

// Options say which host it is.
type Options struct {
	// Prefix is the root of the host's files. Empty: this host's.
	Prefix string

	// Path is $PATH, where engines are looked for beside the usual directories. It is of no use with a prefix.
	Path string

	// Config is an ordinary user's directory of configuration ($XDG_CONFIG_HOME). It is empty for root.
	Config string

	// Version runs a binary of this host with --version and returns what it prints. It is not called with a prefix.
	Version func(binary string) string
}

// usualDirs are the directories of programs.
func usualDirs() []string {
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

// Open opens a host. The caller closes it.
func Open(o Options) (*Host, error) {
	h := &Host{prefix: strings.TrimRight(o.Prefix, "/"), config: o.Config, version: o.Version}
	root := h.prefix
	if root == "" {
		root = "/"
		for dir := range strings.SplitSeq(o.Path, ":") {
			if path.IsAbs(dir) {
				h.dirs = append(h.dirs, dir)
			}
		}
	} else {
		h.version = nil
	}
	for _, dir := range usualDirs() {
		if !slices.Contains(h.dirs, dir) {
			h.dirs = append(h.dirs, dir)
		}
	}
	fd, err := retry.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	h.root = fd
	return h, nil
}

// Close closes the host's root.
func (h *Host) Close() error { return unix.Close(h.root) }

// Shown is the name of a file for messages: below the prefix.
func (h *Host) Shown(file string) string { return h.prefix + file }

// wrap names the file of an error as the caller knows it. Without op, what failed is in the error.
func (h *Host) wrap(op, file string, err error) error {
	var known *os.PathError
	if errors.As(err, &known) {
		err = known.Err
		if op == "" {
			op = known.Op
		}
	}
	// One of sys's is of opening a file below the prefix.
	if errno := fault.Errno(err); errno != 0 {
		err = errno
		if op == "" {
			op = "open"
		}
	}
	return &os.PathError{Op: op, Path: h.Shown(file), Err: err}
}

// find looks for a program.
func (h *Host) find(name string) string {
	for _, dir := range h.dirs {
		file := path.Join(dir, name)
		fd, err := sys.OpenInRoot(h.root, file, unix.O_PATH)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		err = unix.Fstat(fd, &st)
		unix.Close(fd)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return file
		}
	}
	return ""
}

// Exposed returns the part of a path that others than root can change, and so what an engine runs as root: the file or a
// directory above it; empty if there is none.
func Exposed(file string) string {
	for ; ; file = path.Dir(file) {
		var st unix.Stat_t
		if err := unix.Stat(file, &st); err != nil {
			return ""
		}
		shared := st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0
		if shared || st.Uid != 0 {
			return file
		}
		if file == "/" || file == "." {
			return ""
		}
	}
}

// maxFile bounds what is read of a configuration.
const maxFile = 4 << 20

// read returns the content of a file. A file that does not exist is not an error.
func (h *Host) read(file string) (text string, exists bool, err error) {
	fd, err := sys.OpenRegularInRoot(h.root, file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, h.wrap("", file, err)
	}
	defer unix.Close(fd)
	data, err := sys.ReadAll(fd, maxFile)
	if err != nil {
		return "", false, h.wrap("read", file, err)
	}
	return string(data), true, nil
}

// matching are the files of a directory whose names match a pattern, in the order in which engines read them. There are none
// if there is no directory.
func (h *Host) matching(pattern string) []string {
	dir, base := path.Split(pattern)
	fd, err := sys.OpenInRoot(h.root, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	slices.Sort(names)
	var files []string
	for _, name := range names {
		if ok, err := path.Match(base, name); ok && err == nil {
			files = append(files, dir+name)
		}
	}
	return files
}

// write puts a file in the place of an older one, whole or not at all, with the mode and owner of that. The directory is made
// if it is missing.
func (h *Host) write(file, text string) error {
	parent, name := sys.SplitPath(file)
	dir, err := sys.MkdirAllInRoot(h.root, parent, 0o755)
	if err != nil {
		return h.wrap("mkdir", parent, err)
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	err = unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		// A link belongs to the tool that manages these files: it must not be replaced by a file.
		return fmt.Errorf("write %s: expected a regular file, found a %s", h.Shown(file), sys.FileType(st.Mode))
	}
	if err != nil && err != unix.ENOENT {
		return h.wrap("stat", file, err)
	}
	mode, uid, gid := uint32(0o644), -1, -1
	if err == nil {
		mode, uid, gid = st.Mode&0o7777, int(st.Uid), int(st.Gid)
	}
	err = sys.ReplaceFile(dir, name, []byte(text), 0o600, func(fd int) error { return settle(fd, mode, uid, gid) })
	if err != nil {
		return h.wrap("write", file, err)
	}
	return nil
}

// settle gives a file its owner and mode and sees it on the disk.
func settle(fd int, mode uint32, uid, gid int) error {
	if uid >= 0 {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			return err
		}
	}
	// Last: chown clears the set-id bits.
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	return retry.Fsync(fd)
}

// remove takes a file away.
func (h *Host) remove(file string) error {
	parent, name := sys.SplitPath(file)
	dir, err := sys.OpenInRoot(h.root, parent, unix.O_PATH|unix.O_DIRECTORY)
	if err == nil {
		defer unix.Close(dir)
		err = unix.Unlinkat(dir, name, 0)
	}
	if err != nil {
		return h.wrap("remove", file, err)
	}
	return nil
}
