package state

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

const (
	notifyName = "notify"
	notifySock = "notify.sock"
)

// MakeNotify makes the directory notify, which the container sees at /run/notify.
func (d *Dir) MakeNotify() error {
	if err := unix.Mkdirat(d.fd, notifyName, 0o755); err != nil {
		return d.failed("mkdir", notifyName, err)
	}
	// The umask may have forbidden it to the container's user.
	if err := unix.Fchmodat(d.fd, notifyName, 0o755, 0); err != nil {
		return d.failed("chmod", notifyName, err)
	}
	return nil
}

// HasNotify reports whether MakeNotify was called for the container.
func (d *Dir) HasNotify() bool {
	var st unix.Stat_t
	return unix.Fstatat(d.fd, notifyName, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// ListenNotify makes a datagram socket, close-on-exec, and binds it to notify/notify.sock, where everybody may send. The
// error is an *fs.PathError, fs.ErrNotExist if MakeNotify was not called for the container.
func (d *Dir) ListenNotify() (sock int, err error) {
	dir, err := retry.Openat(d.fd, notifyName, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, d.failed("open", notifyName, err)
	}
	defer unix.Close(dir)
	sock, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, d.failed("socket", notifyName, err)
	}
	// One that is there was left by a start that was killed.
	if err := unix.Unlinkat(dir, notifySock, 0); err != nil && err != unix.ENOENT {
		unix.Close(sock)
		return -1, d.failed("remove", notifyName+"/"+notifySock, err)
	}
	// Who may send has to be right from the beginning: a chmod would follow what is there by then.
	mask := unix.Umask(0)
	err = unix.Bind(sock, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dir) + "/" + notifySock})
	unix.Umask(mask)
	if err != nil {
		unix.Close(sock)
		return -1, d.failed("bind", notifyName+"/"+notifySock, err)
	}
	return sock, nil
}
