package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// CheckDevice verifies that a descriptor is the device it is taken for: type
// (S_IFCHR, S_IFBLK or S_IFIFO) and number. A path proves nothing
// (CVE-2025-31133).
func CheckDevice(fd int, kind uint32, major, minor uint32) error {
	var st unix.Statx_t
	if errno := raw.Stat(fd, unix.STATX_TYPE, &st); errno != 0 {
		return fault.Call("stat device", errno)
	}
	if uint32(st.Mode)&unix.S_IFMT != kind {
		return fault.New(0, "not the expected device: file type is %s, expected %s").Str(FileType(uint32(st.Mode))).Str(FileType(kind))
	}
	if kind == unix.S_IFIFO || st.Rdev_major == major && st.Rdev_minor == minor {
		return nil
	}
	return fault.New(0, "not the expected device: number is %d:%d, expected %d:%d").
		Num(int64(st.Rdev_major)).Num(int64(st.Rdev_minor)).Num(int64(major)).Num(int64(minor))
}

// FileType names the type in a file's mode.
func FileType(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFREG:
		return "regular file"
	case unix.S_IFLNK:
		return "symbolic link"
	case unix.S_IFCHR:
		return "character device"
	case unix.S_IFBLK:
		return "block device"
	case unix.S_IFIFO:
		return "fifo"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "unknown"
}

// OpenNull opens the host's /dev/null (O_PATH), verified.
func OpenNull() (int, error) {
	fd, errno := raw.Open(unix.AT_FDCWD, "/dev/null", unix.O_PATH|unix.O_NOFOLLOW, 0)
	if errno != 0 {
		return -1, fault.Path("open", "/dev/null", errno)
	}
	if err := CheckDevice(fd, unix.S_IFCHR, 1, 3); err != nil {
		raw.Close(fd)
		return -1, fault.Of(err).In("/dev/null")
	}
	return fd, nil
}
