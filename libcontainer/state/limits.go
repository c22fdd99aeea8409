package state

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

const (
	limitsName = "limits.json"
	limitsLock = "limits.lock"
)

// Limits returns the resource limits that the last update left, a linux.resources object in JSON. The error is
// [ErrNotExist] if there was none: those that the container was made with hold.
//
// They are a file of their own because all commands read the state file, and hardly any the limits.
func (d *Dir) Limits() ([]byte, error) { return d.read(limitsName) }

// SaveLimits replaces the limits as a whole.
func (d *Dir) SaveLimits(text []byte) error { return d.replace(limitsName, text) }

// LockLimits waits until no other process changes the limits, and prevents others from it until unlock is called. It is
// independent of [Dir.Lock].
func (d *Dir) LockLimits() (unlock func() error, err error) {
	fd, err := retry.Openat(d.fd, limitsLock, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err == unix.ENOENT {
		return nil, ErrNotExist // removed, and only still open
	}
	if err != nil {
		return nil, d.failed("open", limitsLock, err)
	}
	if err := retry.Flock(fd, unix.LOCK_EX); err != nil {
		unix.Close(fd)
		return nil, d.failed("lock", limitsLock, err)
	}
	return func() error { return unix.Close(fd) }, nil
}
