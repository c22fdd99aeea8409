package sys

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// CheckDevice verifies that a descriptor is the device it is taken for: type
// (S_IFCHR, S_IFBLK or S_IFIFO) and number. A path proves nothing
// (CVE-2025-31133).
func CheckDevice(fd int, kind uint32, major, minor uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat device: %w", err)
	}
	if st.Mode&unix.S_IFMT != kind {
		return fmt.Errorf("not the expected device: file type is %s, expected %s", FileType(st.Mode), FileType(kind))
	}
	if kind == unix.S_IFIFO {
		return nil
	}
	if got := uint64(st.Rdev); unix.Major(got) != major || unix.Minor(got) != minor {
		return fmt.Errorf("not the expected device: number is %d:%d, expected %d:%d",
			unix.Major(got), unix.Minor(got), major, minor)
	}
	return nil
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
	fd, err := retry.Open("/dev/null", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/null: %w", err)
	}
	if err := CheckDevice(fd, unix.S_IFCHR, 1, 3); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("/dev/null: %w", err)
	}
	return fd, nil
}
