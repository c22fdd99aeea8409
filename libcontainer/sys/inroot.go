package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// maxLinks bounds the symbolic links followed in one path, as the kernel does.
const maxLinks = 40

// OpenInRoot opens path as a process chrooted into root would: symbolic links
// and ".." stay inside, magic links are refused. See openat2(2).
func OpenInRoot(root int, path string, flags int) (int, error) {
	return openat2(root, path, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// OpenPlain opens path as OpenInRoot does, but fails with ELOOP if there is any
// symbolic link on the way or at its end.
func OpenPlain(root int, path string, flags int) (int, error) {
	return openat2(root, path, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
}

// OpenInMount opens path as OpenInRoot does, but fails with EXDEV if anything leads to
// another mount than root is of.
func OpenInMount(root int, path string, flags int) (int, error) {
	return openat2(root, path, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_XDEV)
}

// OpenBeneath opens path below a directory, and fails with EXDEV if a symbolic link
// or ".." leads out of it. Magic links are refused.
func OpenBeneath(dir int, path string, flags int) (int, error) {
	return openat2(dir, path, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_MAGICLINKS)
}

func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	fd, errno := tryOpenat2(dir, path, flags, resolve)
	if errno != 0 {
		return -1, fault.Path("open", path, errno)
	}
	return fd, nil
}

// tryOpenat2 tries again while a rename somewhere makes the kernel unsure of an ".."
// (EAGAIN).
func tryOpenat2(dir int, path string, flags int, resolve uint64) (fd int, errno unix.Errno) {
	for range 128 {
		fd, errno = raw.Open2(dir, path, flags, resolve)
		if errno != unix.EAGAIN {
			break
		}
	}
	return fd, errno
}

// MkdirAllInRoot makes the directory path inside root, with its parents, and
// opens it (O_PATH). What is there already is kept, symbolic links in it are
// followed inside root, dangling ones too. Each directory is made in a
// descriptor of its parent, so that nothing swapped meanwhile can lead outside
// (CVE-2024-45310).
func MkdirAllInRoot(root int, path string, mode uint32) (int, error) {
	fd, err := OpenInRoot(root, path, unix.O_PATH|unix.O_DIRECTORY)
	if err == nil || !fault.Is(err, unix.ENOENT) {
		return fd, err
	}
	w := walk{root: root, mode: mode}
	fd, errno := w.along(path)
	if errno == 0 {
		return fd, nil
	}
	failed := fault.Path("mkdir", path, errno)
	if w.refused {
		failed.Text = "%s %s: %e: the directory above belongs to %d:%d"
		failed.Num(int64(w.uid)).Num(int64(w.gid))
	}
	return -1, failed
}

// walk goes down a path a component at a time, making what is missing.
type walk struct {
	root, cur int
	mode      uint32
	done      raw.Text // the path of cur in root, free of links
	links     int
	target    [unix.PathMax]byte

	// The directory in which nothing may be made belongs to them, as this process sees
	// its ids.
	refused  bool
	uid, gid uint32
}

// along walks down a path from root, and returns the directory at its end.
func (w *walk) along(path string) (int, unix.Errno) {
	var errno unix.Errno
	if w.cur, errno = raw.Dup(w.root, 0); errno != 0 {
		return -1, errno
	}
	if errno = w.down(path); errno != 0 {
		raw.Close(w.cur)
		return -1, errno
	}
	return w.cur, 0
}

// enter replaces the directory that has been come to.
func (w *walk) enter(fd int, errno unix.Errno) unix.Errno {
	if errno != 0 {
		return errno
	}
	raw.Close(w.cur)
	w.cur = fd
	return 0
}

// down goes on from where the walk has come to. What is behind a link's name is gone
// on with after the link's target, for which it is kept in a buffer: there are two,
// and each link goes from one to the other.
func (w *walk) down(path string) unix.Errno {
	var rest [2]raw.Text
	for n := 0; path != ""; {
		var name string
		name, path = cutSlash(path)
		var errno unix.Errno
		switch name {
		case "", ".":
		case "..":
			errno = w.up()
		default:
			var target string
			if target, errno = w.step(name); target == "" {
				break
			}
			if w.links++; w.links > maxLinks {
				return unix.ELOOP
			}
			if target[0] == '/' {
				w.done.Truncate(0)
				if errno = w.enter(raw.Dup(w.root, 0)); errno != 0 {
					break
				}
			}
			n = 1 - n
			rest[n].Truncate(0)
			rest[n].Add(target).Add("/").Add(path)
			if rest[n].Cut {
				return unix.ENAMETOOLONG
			}
			path = rest[n].String()
		}
		if errno != 0 {
			return errno
		}
	}
	return 0
}

// cutSlash cuts a path at its first slash.
func cutSlash(path string) (name, rest string) {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

// up goes to the directory above, but not out of root.
func (w *walk) up() unix.Errno {
	parent := w.done.String()
	for len(parent) > 0 && parent[len(parent)-1] != '/' {
		parent = parent[:len(parent)-1]
	}
	w.done.Truncate(max(len(parent)-1, 0))
	if w.done.Len() == 0 {
		return w.enter(raw.Dup(w.root, 0))
	}
	return w.enter(tryOpenat2(w.root, w.done.String(), unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS))
}

// step goes into the directory name, making it if it is missing. If it is a symbolic
// link, its target is returned instead.
func (w *walk) step(name string) (target string, errno unix.Errno) {
	const flags = unix.O_PATH | unix.O_NOFOLLOW
	fd, errno := raw.Open(w.cur, name, flags, 0)
	if errno == unix.ENOENT {
		if errno = raw.Mkdir(w.cur, name, w.mode); errno != 0 && errno != unix.EEXIST {
			w.look(errno)
			return "", errno
		}
		fd, errno = raw.Open(w.cur, name, flags, 0)
	}
	if errno != 0 {
		return "", errno
	}
	var st unix.Statx_t
	errno = raw.Stat(fd, unix.STATX_TYPE, &st)
	if errno == 0 {
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			w.done.Add("/").Add(name)
			if w.done.Cut {
				errno = unix.ENAMETOOLONG
				break
			}
			return "", w.enter(fd, 0)
		case unix.S_IFLNK:
			var n int
			if n, errno = raw.Readlink(fd, "", w.target[:]); n == 0 {
				errno = unix.ENOENT
			}
			if errno == 0 {
				target = raw.String(w.target[:n])
			}
		default:
			errno = unix.ENOTDIR
		}
	}
	raw.Close(fd)
	return target, errno
}

// look finds the owner of the directory in which nothing can be made.
func (w *walk) look(errno unix.Errno) {
	var st unix.Statx_t
	if errno == unix.EACCES && raw.Stat(w.cur, unix.STATX_UID|unix.STATX_GID, &st) == 0 {
		w.refused, w.uid, w.gid = true, st.Uid, st.Gid
	}
}

// TrimSlashes takes slashes away from the end of a path.
func TrimSlashes(path string) string {
	for len(path) > 0 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}

// SplitPath cuts the last component off a path. The parent is "/" if there is
// none; the name is empty for the root itself and for paths ending in "..".
func SplitPath(path string) (parent, name string) {
	path = TrimSlashes(path)
	i := len(path) - 1
	for i >= 0 && path[i] != '/' {
		i--
	}
	parent, name = path[:max(i, 0)], path[i+1:]
	if parent == "" {
		parent = "/"
	}
	if name == "." || name == ".." {
		return path, ""
	}
	return parent, name
}

// CreateFileInRoot makes the empty file path inside root, with the directories
// above it, and opens it (O_PATH). An existing file is only opened. Symbolic
// links are followed inside root, dangling ones too: images have such an
// /etc/resolv.conf.
func CreateFileInRoot(root int, path string, dirMode, mode uint32) (int, error) {
	var led [2]raw.Text // where links have led to
	asked := path
	for i := range maxLinks {
		fd, err := OpenInRoot(root, path, unix.O_PATH)
		if err == nil || !fault.Is(err, unix.ENOENT) {
			return fd, err
		}
		parent, name := SplitPath(path)
		if name == "" {
			return -1, err
		}
		dir, err := MkdirAllInRoot(root, parent, dirMode)
		if err != nil {
			return -1, fault.Of(err).In("create")
		}
		target, errno := createIn(dir, name, mode, &led[i%2], parent)
		raw.Close(dir)
		if errno != 0 {
			return -1, fault.Path("create", path, errno)
		}
		if target {
			path = led[i%2].String()
		}
	}
	return -1, fault.Path("create", asked, unix.ELOOP)
}

// createIn makes the file name in a directory. If a symbolic link is there, led gets
// where it leads to, from the directory with that path.
func createIn(dir int, name string, mode uint32, led *raw.Text, path string) (link bool, errno unix.Errno) {
	const flags = unix.O_CREAT | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_RDONLY
	fd, errno := raw.Open(dir, name, flags, mode)
	if errno == 0 {
		raw.Close(fd)
	}
	if errno != unix.ELOOP {
		return false, errno
	}
	var target [unix.PathMax]byte
	n, errno := raw.Readlink(dir, name, target[:])
	if errno != 0 || n == 0 {
		return false, errno
	}
	led.Truncate(0)
	if target[0] != '/' {
		led.Add(path).Add("/")
	}
	led.Add(raw.String(target[:n]))
	if led.Cut {
		return false, unix.ENAMETOOLONG
	}
	return true, 0
}
