package rootfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// copyUp fills a new tmpfs with what the directory below it holds: names,
// contents, owners, modes and links. Sockets are left out.
func (b *Builder) copyUp(from, to int) error {
	src, err := unix.Openat(from, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(src)
	dst, err := unix.Openat(to, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(dst)
	return copyDir(src, dst)
}

func copyDir(src, dst int) error {
	names, err := readNames(src)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyEntry(src, dst, name); err != nil {
			return &os.PathError{Op: "copy up", Path: name, Err: err}
		}
	}
	return nil
}

func readNames(dir int) ([]string, error) {
	var names []string
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Getdents(dir, buf)
		if err != nil {
			return nil, os.NewSyscallError("getdents", err)
		}
		if n == 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

func copyEntry(src, dst int, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return copySubdir(src, dst, name, &st)
	case unix.S_IFREG:
		return copyFile(src, dst, name, &st)
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(src, name, buf)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(string(buf[:n]), dst, name); err != nil {
			return err
		}
	case unix.S_IFCHR, unix.S_IFBLK, unix.S_IFIFO:
		if err := unix.Mknodat(dst, name, st.Mode, int(st.Rdev)); err != nil {
			return err
		}
	default:
		return nil
	}
	return unix.Fchownat(dst, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

const copyFlags = unix.O_NOFOLLOW | unix.O_CLOEXEC

func copySubdir(src, dst int, name string, st *unix.Stat_t) error {
	in, err := unix.Openat(src, name, unix.O_RDONLY|unix.O_DIRECTORY|copyFlags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	if err := unix.Mkdirat(dst, name, 0o700); err != nil {
		return err
	}
	out, err := unix.Openat(dst, name, unix.O_RDONLY|unix.O_DIRECTORY|copyFlags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	return errors.Join(copyDir(in, out), setOwner(out, st))
}

func copyFile(src, dst int, name string, st *unix.Stat_t) error {
	in, err := unix.Openat(src, name, unix.O_RDONLY|unix.O_NONBLOCK|copyFlags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	out, err := unix.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|copyFlags, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	for {
		n, err := unix.Sendfile(out, in, nil, 1<<30)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return setOwner(out, st)
		}
	}
}

// setOwner sets the mode last: chown clears set-id bits.
func setOwner(fd int, st *unix.Stat_t) error {
	if err := unix.Fchown(fd, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return unix.Fchmod(fd, st.Mode&0o7777)
}
