package libcontainer

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// streamKey is the word by which CRIU knows what a standard stream is, if that
// comes from outside: a pipe, or a file that is on none of the container's
// mounts. external tells whether CRIU has to be told so.
func streamKey(process sys.Proc, fd int, mounts []mountEntry) (key string, external bool, err error) {
	dir, err := process.Open("fd", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", false, err
	}
	defer unix.Close(dir)
	name := strconv.Itoa(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err == unix.ENOENT {
		return "", false, nil // closed
	}
	if err != nil {
		return "", false, &os.PathError{Op: "readlink", Path: "/proc/PID/fd/" + name, Err: err}
	}
	link := string(buf[:n])
	if strings.HasPrefix(link, "pipe:[") {
		return link, false, nil
	}
	if link[0] != '/' {
		return "", false, nil
	}
	mount, err := mountOf(process, fd)
	if err != nil {
		return "", false, err
	}
	for i := range mounts {
		if mounts[i].id == mount {
			return "", false, nil
		}
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, 0); err != nil {
		return "", false, &os.PathError{Op: "stat", Path: link, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && unix.Major(st.Rdev) >= 136 && unix.Major(st.Rdev) <= 143 {
		return fmt.Sprintf("tty[%x:%x]", st.Rdev, st.Dev), true, nil
	}
	return fmt.Sprintf("file[%x:%x]", mount, st.Ino), true, nil
}

// mountOf is the mount that a process's open file is on, see
// proc_pid_fdinfo(5).
func mountOf(process sys.Proc, fd int) (int, error) {
	data, err := process.Read("fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("fdinfo of descriptor %d has no mnt_id", fd)
}
