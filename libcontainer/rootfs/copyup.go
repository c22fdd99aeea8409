package rootfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
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
	proc   sys.Proc // the host's
	links  int      // a directory of the copies of files that have several names, see firstCopy; -1: none yet
	path   raw.Text // of what is being copied
	depth  int
	levels [maxCopyDepth + 1]level

	attrs, attr [64 << 10]byte // XATTR_LIST_MAX, XATTR_SIZE_MAX; attr for links, too
}

// level is a directory that is being copied, in the one of the level above.
type level struct {
	src, dst int
	st       unix.Statx_t // of src, before it was read
	path     int          // how long the path is
	at, end  int          // of names, what is still to be copied
	names    [2 << 10]byte
}

// copying is not on the stack, because it is large. There is one copy at a time.
var copying copier

// copyUp fills the new tmpfs of a mount with what the directory below it
// holds, with owners, modes, times, attributes and hard links, and makes its
// root look like the directory, apart from what params say of it. Sockets are
// left out, and so is what is mounted in the directory.
func copyUp(from, mount int, params []string) error {
	// Not /proc, which may be the container's by now, or not there yet.
	proc, err := sys.PrivateProc()
	if err != nil {
		return err
	}
	copying.proc, copying.links = proc, -1
	err = copying.all(from, mount, params)
	raw.Close(proc.FD())
	if copying.links >= 0 {
		raw.Close(copying.links)
	}
	return err
}

func (c *copier) all(from, mount int, params []string) error {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY
	c.depth = 0
	top := &c.levels[0]
	top.path, top.at, top.end = 0, 0, 0
	var errno unix.Errno
	if top.src, errno = raw.Open(from, ".", flags, 0); errno != 0 {
		return fault.Call("open", errno)
	}
	if top.dst, errno = raw.Open(mount, ".", flags, 0); errno != 0 {
		raw.Close(top.src)
		return fault.Call("open", errno)
	}
	err := c.tree()
	if err == nil {
		err = c.top(params)
	} else if c.path.Len() > 0 {
		fault.Of(err).In("copy up %s").Str(c.path.String())
	}
	for ; c.depth >= 0; c.depth-- {
		c.levels[c.depth].close()
	}
	return err
}

func (l *level) close() {
	raw.Close(l.src)
	raw.Close(l.dst)
}

// top gives the root of the copy its attributes.
func (c *copier) top(params []string) error {
	var own unix.Statx_t
	top := &c.levels[0]
	errno := raw.Stat(top.src, unix.STATX_BASIC_STATS, &top.st)
	if errno == 0 {
		errno = raw.Stat(top.dst, unix.STATX_BASIC_STATS, &own)
	}
	if errno != 0 {
		return fault.Call("fstat", errno)
	}
	if hasParam(params, "uid") {
		top.st.Uid = own.Uid
	}
	if hasParam(params, "gid") {
		top.st.Gid = own.Gid
	}
	if hasParam(params, "mode") {
		top.st.Mode = own.Mode
	}
	return c.attributes(top.src, top.dst, &top.st)
}

// tree copies what is in the directory of level 0. When it fails, path is that of
// what could not be copied.
func (c *copier) tree() error {
	for {
		l := &c.levels[c.depth]
		c.path.Truncate(l.path)
		name, errno := l.next()
		var err error
		switch {
		case errno != 0:
			return fault.Call("getdents", errno)
		case name != "":
			if l.path > 0 {
				c.path.Add("/")
			}
			c.path.Add(name)
			err = c.entry(l, name)
		case c.depth == 0:
			return nil
		default:
			if err = c.attributes(l.src, l.dst, &l.st); err == nil {
				l.close()
				c.depth--
			}
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next name in the directory, which is empty at its end.
func (l *level) next() (string, unix.Errno) {
	for {
		if l.at == l.end {
			n, errno := raw.Getdents(l.src, l.names[:])
			if errno != 0 || n == 0 {
				return "", errno
			}
			l.at, l.end = 0, n
		}
		name, size := raw.Dirent(l.names[l.at:l.end])
		l.at += size
		if name != "." && name != ".." {
			return name, 0
		}
	}
}

// entry copies an entry of a level; a directory becomes the next level.
func (c *copier) entry(l *level, name string) error {
	fd, errno := openEntry(l.src, name, unix.O_PATH)
	if errno == unix.EXDEV {
		return nil // something is mounted there
	}
	if errno != 0 {
		return bare(errno)
	}
	err := c.opened(l, fd, name)
	raw.Close(fd)
	return err
}

// bare makes an error of an errno alone: the path says enough.
func bare(errno unix.Errno) error { return fault.Call("%e", errno) }

func (c *copier) opened(l *level, fd int, name string) error {
	var st unix.Statx_t
	if errno := raw.Stat(fd, unix.STATX_BASIC_STATS, &st); errno != 0 {
		return bare(errno)
	}
	mode := uint32(st.Mode)
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.subdir(l, name)
	case unix.S_IFREG:
		return c.file(l, fd, name)
	case unix.S_IFLNK:
		n, errno := raw.Readlink(fd, "", c.attr[:])
		if errno == 0 {
			errno = raw.Symlink(raw.String(c.attr[:max(n, 0)]), l.dst, name)
		}
		if errno != 0 {
			return bare(errno)
		}
	case unix.S_IFCHR, unix.S_IFBLK, unix.S_IFIFO:
		errno := raw.Mknod(l.dst, name, mode, unix.Mkdev(st.Rdev_major, st.Rdev_minor))
		if errno == unix.EPERM {
			return nil // no device of the image works in a user namespace
		}
		if errno != 0 {
			return bare(errno)
		}
	default:
		return nil
	}
	errno := raw.Chown(l.dst, name, int(st.Uid), int(st.Gid))
	if errno == unix.EINVAL {
		errno = 0 // see attributes
	}
	return bare(errno)
}

// openEntry opens a name of a directory of the image, which leads nowhere else.
func openEntry(dir int, name string, flags int) (int, unix.Errno) {
	return raw.Open2(dir, name, flags|unix.O_NOFOLLOW, unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_SYMLINKS)
}

func (c *copier) subdir(l *level, name string) error {
	if c.depth == maxCopyDepth {
		return fault.New(0, "more than %d directories in each other").Num(maxCopyDepth)
	}
	below := &c.levels[c.depth+1]
	var errno unix.Errno
	if below.src, errno = openEntry(l.src, name, unix.O_RDONLY|unix.O_DIRECTORY); errno != 0 {
		return bare(errno)
	}
	if errno = raw.Stat(below.src, unix.STATX_BASIC_STATS, &below.st); errno == 0 {
		errno = raw.Mkdir(l.dst, name, 0o700)
	}
	if errno == 0 {
		below.dst, errno = raw.Open(l.dst, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	}
	if errno != 0 {
		raw.Close(below.src)
		return bare(errno)
	}
	below.path, below.at, below.end = c.path.Len(), 0, 0
	c.depth++
	return nil
}

func (c *copier) file(l *level, fd int, name string) error {
	in, err := c.proc.Reopen(fd, unix.O_RDONLY)
	if err != nil {
		return err
	}
	err = c.fileFrom(in, l.dst, name)
	raw.Close(in)
	return err
}

func (c *copier) fileFrom(in, dst int, name string) error {
	var st unix.Statx_t
	if errno := raw.Stat(in, unix.STATX_BASIC_STATS, &st); errno != 0 {
		return bare(errno)
	}
	if st.Nlink > 1 {
		first, err := c.firstCopy(&st)
		if err != nil {
			return err
		}
		if first != "" {
			return bare(raw.Link(c.levels[0].dst, first, dst, name))
		}
	}
	out, errno := raw.Open(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if errno != 0 {
		return bare(errno)
	}
	err := bare(copyData(in, out, int64(st.Size)))
	if err == nil {
		err = c.attributes(in, out, &st)
	}
	raw.Close(out)
	return err
}

// firstCopy returns the path of the copy that a file already has under another name.
// If it has none, the one that follows is that from now on. There may be any number
// of such files: they are remembered as symbolic links in a private
// tmpfs, from the file's number to its path.
func (c *copier) firstCopy(st *unix.Statx_t) (string, error) {
	if c.links < 0 {
		var err error
		if c.links, err = sys.NewFilesystem("tmpfs", "tmpfs", nil, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err != nil {
			return "", err
		}
	}
	var number raw.Text
	number.AddInt(int(st.Dev_major)).Add(":").AddInt(int(st.Dev_minor)).Add(":").AddInt(int(st.Ino))
	errno := raw.Symlink(c.path.String(), c.links, number.String())
	if errno != unix.EEXIST {
		return "", bare(errno)
	}
	n, errno := raw.Readlink(c.links, number.String(), c.attr[:])
	return raw.String(c.attr[:max(n, 0)]), bare(errno)
}

// copyData copies the first size bytes; holes stay holes.
func copyData(in, out int, size int64) unix.Errno {
	if errno := raw.Truncate(out, size); errno != 0 {
		return errno
	}
	for at := int64(0); at < size; {
		begin, errno := raw.Seek(in, at, unix.SEEK_DATA)
		if errno == unix.ENXIO {
			return 0 // nothing but a hole is left
		}
		if errno != 0 {
			return errno
		}
		end, errno := raw.Seek(in, begin, unix.SEEK_HOLE)
		if errno != 0 {
			return errno
		}
		at = min(end, size)
		if _, errno := raw.Seek(out, begin, unix.SEEK_SET); errno != 0 {
			return errno
		}
		for begin < at {
			n, errno := raw.Sendfile(out, in, &begin, int(min(at-begin, 1<<30)))
			if errno != 0 {
				return errno
			}
			if n == 0 {
				return 0 // it became shorter
			}
		}
	}
	return 0
}

// attributes gives a copy the owner, mode, extended attributes and times of
// its original. Changing the owner clears set-id bits and file capabilities, so
// that comes first.
func (c *copier) attributes(in, out int, st *unix.Statx_t) error {
	mode := uint32(st.Mode) & 0o7777
	switch errno := raw.Chown(out, "", int(st.Uid), int(st.Gid)); errno {
	case 0:
	case unix.EINVAL:
		// A user namespace does not know the owner, so this one's root has the
		// copy. What was no program of root's must not become one.
		mode &^= unix.S_ISUID | unix.S_ISGID
	default:
		return bare(errno)
	}
	if errno := raw.Fchmod(out, mode); errno != 0 {
		return bare(errno)
	}
	if err := c.xattrs(in, out); err != nil {
		return err
	}
	return bare(raw.SetTimes(out, st.Atime, st.Mtime))
}

// xattrs copies access control lists, file capabilities and user
// attributes, as far as this tmpfs can have them (xattr(7)). Security labels
// are the mount's.
func (c *copier) xattrs(in, out int) error {
	n, errno := raw.ListXattr(in, c.attrs[:])
	if errno != 0 {
		return nil // the filesystem has none
	}
	for list := raw.String(c.attrs[:n]); list != ""; {
		name := list
		for i := range len(list) {
			if list[i] == 0 {
				name = list[:i]
				break
			}
		}
		list = list[min(len(name)+1, len(list)):]
		switch {
		case strings.HasPrefix(name, "user."), strings.HasPrefix(name, "system.posix_acl_"), name == "security.capability":
		default:
			continue
		}
		n, errno := raw.GetXattr(in, name, c.attr[:])
		if errno != 0 {
			continue
		}
		switch errno := raw.SetXattr(out, name, c.attr[:n]); errno {
		case 0, unix.EOPNOTSUPP, unix.EPERM, unix.EINVAL: // not here, not by us, not with this namespace's ids
		default:
			return fault.New(errno, "attribute %s").Str(name)
		}
	}
	return nil
}
