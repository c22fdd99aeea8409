package sys

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
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

// OpenBeneath opens path below a directory, and fails with EXDEV if a symbolic link
// or ".." leads out of it. Magic links are refused.
func OpenBeneath(dir int, path string, flags int) (int, error) {
	return openat2(dir, path, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_MAGICLINKS)
}

func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve}
	for range 128 {
		fd, err := unix.Openat2(dir, path, &how)
		// EAGAIN: a rename somewhere made the kernel unsure of an "..".
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		}
		return fd, nil
	}
	return -1, &os.PathError{Op: "open", Path: path, Err: unix.EAGAIN}
}

// MkdirAllInRoot makes the directory path inside root, with its parents, and
// opens it (O_PATH). What is there already is kept, symbolic links in it are
// followed inside root, dangling ones too. Each directory is made in a
// descriptor of its parent, so that nothing swapped meanwhile can lead outside
// (CVE-2024-45310).
func MkdirAllInRoot(root int, path string, mode uint32) (int, error) {
	fd, err := OpenInRoot(root, path, unix.O_PATH|unix.O_DIRECTORY)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	fd, err = walkInRoot(root, path, mode)
	if err != nil {
		return -1, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return fd, nil
}

// walkInRoot goes down path a component at a time, making what is missing.
func walkInRoot(root int, path string, mode uint32) (int, error) {
	var done []string // resolved so far, free of links
	todo := strings.Split(path, "/")
	cur, err := unix.FcntlInt(uintptr(root), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// enter replaces cur.
	enter := func(fd int) {
		unix.Close(cur)
		cur = fd
	}
	for links := 0; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if len(done) > 0 {
				done = done[:len(done)-1]
			}
			fd, err := OpenInRoot(root, "/"+strings.Join(done, "/"), unix.O_PATH|unix.O_DIRECTORY)
			if err != nil {
				unix.Close(cur)
				return -1, err
			}
			enter(fd)
			continue
		}
		fd, target, err := stepInto(cur, name, mode)
		switch {
		case err != nil:
			unix.Close(cur)
			return -1, err
		case target == "":
			enter(fd)
			done = append(done, name)
			continue
		}
		if links++; links > maxLinks {
			unix.Close(cur)
			return -1, unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			done = done[:0]
			fd, err := unix.FcntlInt(uintptr(root), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				unix.Close(cur)
				return -1, err
			}
			enter(fd)
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return cur, nil
}

// ownedBy adds to a refusal to whom the directory belongs, as this process sees its ids.
func ownedBy(dir int, err error) error {
	var st unix.Stat_t
	if err != unix.EACCES || unix.Fstat(dir, &st) != nil {
		return err
	}
	return fmt.Errorf("%w: the directory above belongs to %d:%d", err, st.Uid, st.Gid)
}

// stepInto opens the directory name in dir, making it if it is missing. If it
// is a symbolic link, its target is returned instead.
func stepInto(dir int, name string, mode uint32) (fd int, target string, err error) {
	const flags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err = retry.Openat(dir, name, flags, 0)
	if err == unix.ENOENT {
		if err = unix.Mkdirat(dir, name, mode); err != nil && err != unix.EEXIST {
			return -1, "", ownedBy(dir, err)
		}
		fd, err = retry.Openat(dir, name, flags, 0)
	}
	if err != nil {
		return -1, "", err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, "", err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return fd, "", nil
	case unix.S_IFLNK:
		defer unix.Close(fd)
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(fd, "", buf)
		if err != nil {
			return -1, "", err
		}
		if n == 0 {
			return -1, "", unix.ENOENT
		}
		return -1, string(buf[:n]), nil
	}
	unix.Close(fd)
	return -1, "", unix.ENOTDIR
}

// SplitPath cuts the last component off a path. The parent is "/" if there is
// none; the name is empty for the root itself and for paths ending in "..".
func SplitPath(path string) (parent, name string) {
	path = strings.TrimRight(path, "/")
	i := strings.LastIndexByte(path, '/')
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
	for range maxLinks {
		fd, err := OpenInRoot(root, path, unix.O_PATH)
		if !errors.Is(err, unix.ENOENT) {
			return fd, err
		}
		parent, name := SplitPath(path)
		if name == "" {
			return -1, err
		}
		target, err := createIn(root, parent, name, dirMode, mode)
		switch {
		case err != nil:
			return -1, &os.PathError{Op: "create", Path: path, Err: err}
		case strings.HasPrefix(target, "/"):
			path = target
		case target != "":
			path = parent + "/" + target
		}
	}
	return -1, &os.PathError{Op: "create", Path: path, Err: unix.ELOOP}
}

// createIn makes the file name in the directory parent. If a symbolic link is
// there, its target is returned instead.
func createIn(root int, parent, name string, dirMode, mode uint32) (target string, err error) {
	dir, err := MkdirAllInRoot(root, parent, dirMode)
	if err != nil {
		return "", err
	}
	defer unix.Close(dir)
	const flags = unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_RDONLY
	fd, err := retry.Openat(dir, name, flags, mode)
	if err == nil {
		return "", unix.Close(fd)
	}
	if err != unix.ELOOP {
		return "", err
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	return string(buf[:max(n, 0)]), err
}
