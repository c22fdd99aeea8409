package state

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Dir is the directory of one container, held open. The zero Dir is not usable; see [Create] and [Open].
type Dir struct{ lock }

// directory is a Dir without what its files mean.
type directory struct {
	id   string
	path string // of the directory, for errors
	root int    // descriptor of the directory above
	fd   int    // descriptor of the directory itself
}

// dirMode is that of a directory. The container's root, which need not be its owner, must be able to reach the fifo.
const dirMode = 0o711

// Create makes the directory of a new container below root and locks it. Root is made too, with mode 0700, if it is
// missing; one that exists keeps its mode. The error is [ErrExist] for an id that is taken.
func Create(root, id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	top, err := openRoot(root)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(root, 0o700); err != nil {
			return nil, err
		}
		top, err = openRoot(root)
	}
	if err != nil {
		return nil, err
	}
	switch err := unix.Mkdirat(top, id, dirMode); err {
	case nil:
	case unix.EEXIST:
		unix.Close(top)
		return nil, ErrExist
	default:
		unix.Close(top)
		return nil, &fs.PathError{Op: "mkdir", Path: root + "/" + id, Err: err}
	}
	d, err := openAt(top, root, id)
	if err != nil {
		return nil, errors.Join(err, unmake(root, id))
	}
	// The umask may have forbidden it.
	if err := unix.Fchmod(d.fd, dirMode); err != nil {
		return nil, errors.Join(d.failed("chmod", "", err), d.Remove(), d.Close())
	}
	if err := d.Lock(); err != nil {
		return nil, errors.Join(err, d.Remove(), d.Close())
	}
	return d, nil
}

// unmake removes a directory that was just made and could not be opened.
func unmake(root, id string) error {
	top, err := openRoot(root)
	if err != nil {
		return err
	}
	defer unix.Close(top)
	if err := unix.Unlinkat(top, id, unix.AT_REMOVEDIR); err != nil {
		return &fs.PathError{Op: "rmdir", Path: root + "/" + id, Err: err}
	}
	return nil
}

// Open opens the directory of an existing container below root, unlocked. The error is [ErrNotExist] if there is none, and
// an [*OwnerError] if it, or root, belongs to another user than the caller and root.
func Open(root, id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	top, err := openRoot(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	return openAt(top, root, id)
}

func openRoot(root string) (int, error) {
	fd, err := retry.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err == unix.ENOTDIR { // a link, perhaps
		if err := checkLink(root); err != nil {
			return -1, err
		}
		fd, err = retry.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	if err := checkOwner(fd, root, true); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openAt opens the container's directory below top, which it takes over and whose name is root. A symbolic link or a file
// by that name is not one of ours.
func openAt(top int, root, id string) (*Dir, error) {
	fd, err := retry.Openat(top, id, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch err {
	case nil:
		if err := checkOwner(fd, root+"/"+id, false); err != nil {
			unix.Close(fd)
			unix.Close(top)
			return nil, err
		}
		return &Dir{lock{directory: directory{id: id, path: root + "/" + id, root: top, fd: fd}}}, nil
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP:
		unix.Close(top)
		return nil, ErrNotExist
	}
	unix.Close(top)
	return nil, &fs.PathError{Op: "open", Path: root + "/" + id, Err: err}
}

// List returns the ids that have a directory below root, sorted. An id that is listed need not have a state file. The error
// is an [*fs.PathError], fs.ErrNotExist if root is missing.
func List(root string) ([]string, error) {
	top, err := openRoot(root)
	if err != nil {
		return nil, err
	}
	unix.Close(top)
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() && CheckID(entry.Name()) == nil {
			ids = append(ids, entry.Name())
		}
	}
	return ids, nil
}

// ID returns the container's id.
func (d *directory) ID() string { return d.id }

// FD returns the descriptor of the directory, close-on-exec and open for reading. It remains the Dir's.
func (d *directory) FD() int { return d.fd }

// Owner returns the user id that owns the directory: the user that created the container.
func (d *directory) Owner() (uid int, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return 0, d.failed("stat", "", err)
	}
	return int(st.Uid), nil
}

// Age returns how long ago the directory was made or last changed.
func (d *directory) Age() (time.Duration, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return 0, d.failed("stat", "", err)
	}
	return time.Since(time.Unix(st.Ctim.Unix())), nil
}

// Close closes the directory and releases its lock, if it is held.
func (d *directory) Close() error {
	return errors.Join(unix.Close(d.fd), unix.Close(d.root))
}

// failed names the file of an error by id and name.
func (d *directory) failed(op, name string, err error) error {
	path := d.path
	if name != "" {
		path += "/" + name
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
