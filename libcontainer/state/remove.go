package state

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Remove removes the directory with everything in it, whatever that is. The state file is removed last: until then the container
// can be found, and a removal that was cut off done again. It is not an error if the directory is gone already.
func (d *directory) Remove() error {
	const tries = 10 // an update of the container may add files meanwhile
	for try := 1; ; try++ {
		if err := d.empty(d.fd, journalName); err != nil {
			return err
		}
		if err := d.empty(d.fd, ""); err != nil {
			return err
		}
		err := unix.Unlinkat(d.root, d.id, unix.AT_REMOVEDIR)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.ENOTEMPTY || try == tries {
			return d.failed("remove", "", err)
		}
	}
}

// empty removes what the directory dir contains, except what is called keep. Symbolic links are removed, not followed.
func (d *directory) empty(dir int, keep string) error {
	names, err := entries(dir)
	if err == unix.ENOENT {
		return nil // removed, and only still open
	}
	if err != nil {
		return d.failed("readdir", "", err)
	}
	for _, name := range names {
		if name == keep {
			continue
		}
		// EISDIR is what Linux says of a directory, EPERM what POSIX wants.
		err := unix.Unlinkat(dir, name, 0)
		if err == unix.EISDIR || err == unix.EPERM {
			err = d.removeDir(dir, name)
		}
		if err != nil && err != unix.ENOENT {
			return d.failed("remove", name, err)
		}
	}
	return nil
}

func (d *directory) removeDir(parent int, name string) error {
	fd, err := retry.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := d.empty(fd, ""); err != nil {
		return err
	}
	return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
}

// Stray reports whether a directory without a state file can be what a killed Create or Remove has left: only the owner may
// read and write in it, as Create has it, and it has nothing but files of a container that is not created yet. Root may be
// another program's, whose directories are not ours to remove.
func (d *directory) Stray() (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return false, d.failed("stat", "", err)
	}
	if st.Mode&0o7777&^dirMode != 0 {
		return false, nil
	}
	names, err := entries(d.fd)
	if err != nil {
		return false, d.failed("readdir", "", err)
	}
	for _, name := range names {
		if name != keptName && !sys.IsTemp(name) {
			return false, nil
		}
	}
	return true, nil
}

// entries returns the names in a directory, without "." and "..".
func entries(dir int) ([]string, error) {
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	var names []string
	buf := make([]byte, 4096)
	for {
		n, err := retry.Of(func() (int, error) { return unix.ReadDirent(dir, buf) })
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
