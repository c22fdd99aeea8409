package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// A shell that redirects the output of a command of its own has another file
// for its own stream meanwhile. So one that seems to be of the container's own is
// looked at again, so many times and after such a while.
const (
	streamTries = 50
	streamPause = 2 * time.Millisecond
)

// streamKey is the key by which CRIU knows a standard stream that comes from
// outside: a pipe, or a file that is on none of the container's
// mounts. external reports whether CRIU must be told so.
func streamKey(process sys.Proc, fd int, mounts []proc.Mount) (key string, external bool, err error) {
	dir, err := process.Open("fd", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", false, err
	}
	defer unix.Close(dir)
	for range streamTries {
		var passing bool
		key, external, passing, err = lookAtStream(process, dir, fd, mounts)
		if err != nil && !errors.Is(err, unix.ENOENT) || err == nil && !passing {
			return key, external, err
		}
		retry.Sleep(streamPause)
	}
	return "", false, nil
}

// lookAtStream says what a stream is now. passing means that this may change, and
// so does ENOENT: it is closed.
func lookAtStream(process sys.Proc, dir, fd int, mounts []proc.Mount) (key string, external, passing bool, err error) {
	name := strconv.Itoa(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", false, false, &os.PathError{Op: "readlink", Path: "/proc/PID/fd/" + name, Err: err}
	}
	link := string(buf[:n])
	if strings.HasPrefix(link, "pipe:[") {
		return link, false, false, nil
	}
	if link == "" || link[0] != '/' {
		return "", false, false, nil
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, 0); err != nil {
		return "", false, false, &os.PathError{Op: "stat", Path: link, Err: err}
	}
	isDevice := st.Mode&unix.S_IFMT == unix.S_IFCHR
	mount, err := mountOf(process, fd)
	if err != nil {
		return "", false, false, err
	}
	if slices.ContainsFunc(mounts, func(m proc.Mount) bool { return m.ID == mount }) {
		return "", false, !isDevice, nil
	}
	if major := unix.Major(st.Rdev); isDevice && 136 <= major && major <= 143 { // UNIX98_PTY_SLAVE
		return fmt.Sprintf("tty[%x:%x]", st.Rdev, st.Dev), true, false, nil
	}
	return fmt.Sprintf("file[%x:%x]", mount, st.Ino), true, false, nil
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
