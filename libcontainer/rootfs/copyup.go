package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// maxCopyDepth bounds how deep directories may nest: each level on the way
// holds two descriptors, and an image can nest them without end.
const maxCopyDepth = 200

// copier fills a tmpfs with what a directory of the image holds. The image may
// be hostile: names are opened one at a time without following links, nothing
// is read but regular files, and of these not more than their size said at
// first. It is not asked to be small: what is copied counts against the
// container's own memory limit and the size of its tmpfs.
type copier struct {
	proc  sys.Proc         // the host's
	root  int              // of the copy
	links map[inode]string // copies of files that have several names

	// Init collects no garbage, so buffers are used again.
	names       [16 << 10]byte
	attrs, attr [64 << 10]byte // XATTR_LIST_MAX, XATTR_SIZE_MAX; attr for links, too
}

type inode struct{ dev, ino uint64 }

// copyUp fills the new tmpfs of a mount with what the directory below it
// holds, with owners, modes, times, attributes and hard links, and makes its
// root look like the directory, apart from what params say of it. Sockets are
// left out, and so is what is mounted in the directory.
func copyUp(from, mount int, params []string) error {
	src, err := retry.Openat(from, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(src)
	dst, err := retry.Openat(mount, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(dst)
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	c := &copier{proc: proc, root: dst, links: map[inode]string{}}
	if err := c.dir(src, dst, "", 0); err != nil {
		return err
	}
	var st, own unix.Stat_t
	if err := errors.Join(unix.Fstat(src, &st), unix.Fstat(dst, &own)); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if hasParam(params, "uid") {
		st.Uid = own.Uid
	}
	if hasParam(params, "gid") {
		st.Gid = own.Gid
	}
	if hasParam(params, "mode") {
		st.Mode = own.Mode
	}
	return c.attributes(src, dst, &st)
}

func (c *copier) dir(src, dst int, path string, depth int) error {
	if depth > maxCopyDepth {
		return &os.PathError{Op: "copy up", Path: path, Err: fmt.Errorf("more than %d directories in each other", maxCopyDepth)}
	}
	names, err := c.readNames(src)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := strings.TrimPrefix(path+"/"+name, "/")
		err := c.entry(src, dst, name, path, depth)
		var wrapped *os.PathError
		if err != nil && !errors.As(err, &wrapped) {
			err = &os.PathError{Op: "copy up", Path: path, Err: err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) readNames(dir int) ([]string, error) {
	var names []string
	for {
		n, err := unix.Getdents(dir, c.names[:])
		if err != nil {
			return nil, os.NewSyscallError("getdents", err)
		}
		if n == 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(c.names[:n], -1, names)
	}
}

func (c *copier) entry(src, dst int, name, path string, depth int) error {
	fd, err := openEntry(src, name, unix.O_PATH)
	if err == unix.EXDEV {
		return nil // something is mounted there
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.subdir(src, dst, name, path, depth)
	case unix.S_IFREG:
		return c.file(fd, dst, name, path)
	case unix.S_IFLNK:
		n, err := unix.Readlinkat(fd, "", c.attr[:])
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(string(c.attr[:n]), dst, name); err != nil {
			return err
		}
	case unix.S_IFCHR, unix.S_IFBLK, unix.S_IFIFO:
		err := unix.Mknodat(dst, name, st.Mode, int(st.Rdev))
		if err == unix.EPERM {
			return nil // no device of the image works in a user namespace
		}
		if err != nil {
			return err
		}
	default:
		return nil
	}
	err = unix.Fchownat(dst, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.EINVAL {
		err = nil // see attributes
	}
	return err
}

// openEntry opens a name of a directory of the image, which leads nowhere else.
func openEntry(dir int, name string, flags int) (int, error) {
	return retry.Openat2(dir, name, &unix.OpenHow{
		Flags:   uint64(flags | unix.O_NOFOLLOW | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
	})
}

func (c *copier) subdir(src, dst int, name, path string, depth int) error {
	in, err := openEntry(src, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	if err := unix.Mkdirat(dst, name, 0o700); err != nil {
		return err
	}
	out, err := retry.Openat(dst, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	if err := c.dir(in, out, path, depth+1); err != nil {
		return err
	}
	return c.attributes(in, out, &st)
}

func (c *copier) file(fd, dst int, name, path string) error {
	in, err := c.proc.Reopen(fd, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	if st.Nlink > 1 {
		id := inode{uint64(st.Dev), st.Ino}
		if first, ok := c.links[id]; ok {
			return unix.Linkat(c.root, first, dst, name, 0)
		}
		c.links[id] = path
	}
	out, err := retry.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	if err := copyData(in, out, st.Size); err != nil {
		return err
	}
	return c.attributes(in, out, &st)
}

// copyData copies the first size bytes; holes stay holes.
func copyData(in, out int, size int64) error {
	if err := retry.Ftruncate(out, size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		begin, err := unix.Seek(in, at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil // nothing but a hole is left
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(in, begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		at = min(end, size)
		if _, err := unix.Seek(out, begin, unix.SEEK_SET); err != nil {
			return err
		}
		for begin < at {
			n, err := retry.Sendfile(out, in, &begin, int(min(at-begin, 1<<30)))
			if err != nil {
				return err
			}
			if n == 0 {
				return nil // it became shorter
			}
		}
	}
	return nil
}

// attributes gives a copy the owner, mode, extended attributes and times of
// its original. Changing the owner clears set-id bits and file capabilities, so
// that comes first.
func (c *copier) attributes(in, out int, st *unix.Stat_t) error {
	mode := st.Mode & 0o7777
	switch err := unix.Fchown(out, int(st.Uid), int(st.Gid)); err {
	case nil:
	case unix.EINVAL:
		// A user namespace does not know the owner, so this one's root has the
		// copy. What was no program of root's must not become one.
		mode &^= unix.S_ISUID | unix.S_ISGID
	default:
		return err
	}
	if err := unix.Fchmod(out, mode); err != nil {
		return err
	}
	if err := c.xattrs(in, out); err != nil {
		return err
	}
	return unix.UtimesNanoAt(out, "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH)
}

// xattrs copies access control lists, file capabilities and user
// attributes, as far as this tmpfs can have them (xattr(7)). Security labels
// are the mount's.
func (c *copier) xattrs(in, out int) error {
	n, err := unix.Flistxattr(in, c.attrs[:])
	if err != nil || n == 0 {
		return nil // the filesystem has none
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(c.attrs[:n]), "\x00"), "\x00") {
		switch {
		case strings.HasPrefix(name, "user."), strings.HasPrefix(name, "system.posix_acl_"), name == "security.capability":
		default:
			continue
		}
		n, err := unix.Fgetxattr(in, name, c.attr[:])
		if err != nil {
			continue
		}
		switch err := unix.Fsetxattr(out, name, c.attr[:n], 0); err {
		case nil, unix.EOPNOTSUPP, unix.EPERM, unix.EINVAL: // not here, not by us, not with this namespace's ids
		default:
			return fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return nil
}
